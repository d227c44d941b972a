// SPDX-License-Identifier: MIT
import {circumstances} from '../measure/circumstances.ts'
import {disturbances, formatSeconds} from '../measure/findings.ts'
import {busy} from '../measure/watch.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'ipi-delta',
  title: 'no other CPU interrupts an isolated CPU',
  why: 'Inter-processor interrupts (reschedule, function call, TLB, irq_work) enter the kernel as any interrupt does. What the tick or another task explains is reported there; the rest is here.',
  values:
    'Counts of rows of /proc/interrupts: RES reschedule, CAL function call, TLB shootdown, IWI irq_work; 0 in the window passes.',
  facts: {busy, circumstances},
  active: true,
  judge: ({busy, circumstances}) => disturbances(busy, circumstances, 'ipi'),
  evidence: ({busy}) => `0 in ${formatSeconds(busy.seconds)}`,
  reference: 'kernel/smp.c',
})
