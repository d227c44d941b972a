// SPDX-License-Identifier: MIT
import {disturbancesUnderLoad, formatSeconds} from '../measure/disturbances.ts'
import {busy} from '../measure/watch.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'ipi-delta',
  title: 'no other CPU interrupts an isolated CPU',
  why: 'Inter-processor interrupts (reschedule, function call, TLB, irq_work) enter the kernel like any interrupt. Those that the tick or another task explains are reported there; this check reports the others.',
  values:
    'The counts of these rows of /proc/interrupts: RES reschedule, CAL function call, TLB shootdown, IWI irq_work. 0 in the window passes.',
  facts: {busy, disturbances: disturbancesUnderLoad},
  proof: true,
  active: true,
  judge: ({disturbances}) => disturbances.ipi,
  evidence: ({busy}) => `0 in ${formatSeconds(busy.seconds)}`,
  reference: 'kernel/smp.c',
})
