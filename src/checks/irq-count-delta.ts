// SPDX-License-Identifier: MIT
import {disturbances, formatSeconds} from '../measure/disturbances.ts'
import {watched} from '../measure/watch.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'irq-count-delta',
  title: 'no device interrupt fires on an isolated CPU',
  why: 'The affinity says where an interrupt may go; the counter says where it went. A device interrupt stops the program while its handler runs, and often leaves softirq work.',
  values: 'The interrupts of devices in the window, by number and driver. 0 passes; 1 fails.',
  facts: {disturbances, watched},
  proof: true,
  judge: ({disturbances}) => disturbances.device,
  evidence: ({watched}) => `0 in ${formatSeconds(watched.seconds)}`,
  reference: 'kernel/irq/proc.c: show_interrupts',
})
