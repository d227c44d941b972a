// SPDX-License-Identifier: MIT
import {disturbances, formatSeconds} from '../measure/disturbances.ts'
import {watched} from '../measure/watch.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'nmi-pmi-delta',
  title: 'no NMI or counter interrupt hits an isolated CPU',
  why: 'The hard lockup detector and profilers interrupt a CPU through its performance counters. Such an interrupt cannot be masked.',
  values:
    'The counts of these rows of /proc/interrupts: NMI, PMI performance counter, MCE and THR hardware error. 0 in the window passes.',
  facts: {disturbances, watched},
  proof: true,
  judge: ({disturbances}) => disturbances.nmi,
  evidence: ({watched}) => `0 in ${formatSeconds(watched.seconds)}`,
  reference: 'kernel/watchdog_perf.c',
})
