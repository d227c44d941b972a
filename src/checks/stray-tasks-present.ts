// SPDX-License-Identifier: MIT
import {disturbances, formatSeconds} from '../measure/disturbances.ts'
import {watched} from '../measure/watch.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'stray-tasks-present',
  title: 'nothing else ran on an isolated CPU',
  why: 'A task that ran there, of user space or the kernel, took the CPU from its program and started the tick. The context switches of the run queue, or of our own spinner, show that none is missed: the spinner is switched out when anything else runs.',
  values: 'The context switches on the CPU in the window, and which tasks ran. 0 passes.',
  facts: {disturbances, watched},
  proof: true,
  judge({disturbances, watched}) {
    const findings = disturbances.task
    const blind = watched.cpus.filter(({switches}) => switches === undefined)
    if (findings.length === 0 && blind.length > 0)
      return {
        unknown:
          'no task was seen, but a short one can be missed: the run queues cannot be read (needs root and debugfs)',
      }
    return findings
  },
  evidence: ({watched}) => `0 context switches in ${formatSeconds(watched.seconds)}`,
  reference: 'kernel/sched/debug.c: print_cpu',
})
