// SPDX-License-Identifier: MIT
import {disturbances, formatSeconds} from '../measure/disturbances.ts'
import {watched} from '../measure/watch.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'irq-count-delta',
  title: 'no device interrupt fires on an isolated CPU',
  why: 'Affinity says where an interrupt may go; the counter says where it went. A device interrupt stops the program for its handler, and often leaves softirq work behind.',
  values: 'Interrupts of devices in the window, by number and driver: 0 passes, 1 fails.',
  facts: {disturbances, watched},
  proof: true,
  judge: ({disturbances}) => disturbances.device,
  evidence: ({watched}) => `0 in ${formatSeconds(watched.seconds)}`,
  reference: 'kernel/irq/proc.c: show_interrupts',
})
