// SPDX-License-Identifier: MIT

import {taskName} from '../facts/tasks.ts'
import {formatSeconds} from '../measure/disturbances.ts'
import {watched} from '../measure/watch.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'rq-nr-switches',
  title: 'no context switch on an isolated CPU',
  why: 'The run queue counts every switch, also to tasks that start and end between two readings of /proc. Only this count shows that no stray task is missing from the list.',
  values:
    'The context switches of the run queue in the window. 0 passes, and then stray-tasks-present lists every task that ran.',
  facts: {watched},
  proof: true,
  judge({watched}) {
    const blind = watched.cpus.filter(({switches}) => switches === undefined)
    const findings = watched.cpus
      .filter(({switches = 0}) => switches > 0)
      .map(({cpu, switches, ran}) => {
        const names = ran.slice(0, 3).map((task) => `${taskName(task)} ${task.switches}`)
        const more = ran.length > 3 ? `, and ${ran.length - 3} more` : ''
        return {
          severity: 'fail' as const,
          subject: 'context switches',
          message: `on CPU ${cpu}: ${names.length > 0 ? `${names.join(', ')}${more}` : 'by tasks that were gone before they could be named'}`,
          cpus: CpuSet.of(cpu),
          expected: `0 in ${formatSeconds(watched.seconds)}`,
          actual: `${switches}`,
        }
      })
    if (findings.length === 0 && blind.length > 0)
      return {
        unknown: `the run queue of CPU ${CpuSet.from(blind.map(({cpu}) => cpu))} cannot be read (root, debugfs)`,
      }
    return findings
  },
  evidence: ({watched}) => `0 in ${formatSeconds(watched.seconds)}`,
  reference: 'kernel/sched/debug.c: print_cpu',
})
