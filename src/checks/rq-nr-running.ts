// SPDX-License-Identifier: MIT

import {watched} from '../measure/watch.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'rq-nr-running',
  title: 'at most one task is runnable there',
  why: 'With two runnable tasks on a CPU, the scheduler needs its tick to share the CPU between them.',
  values: 'The runnable tasks at the end of the window. Our own spinner is 1.',
  facts: {watched},
  judge({watched}) {
    const blind = watched.cpus.filter(({running}) => running === undefined)
    const findings = watched.cpus
      .filter(({running = 0}) => running > 1)
      .map(({cpu, running = 0}) => ({
        severity: 'fail' as const,
        subject: 'run queue',
        message: `${running} tasks are runnable on CPU ${cpu}`,
        cpus: CpuSet.of(cpu),
        expected: 'at most 1',
        actual: `${running}`,
      }))
    if (findings.length === 0 && blind.length > 0)
      return {
        unknown: `the run queue of CPU ${CpuSet.from(blind.map(({cpu}) => cpu))} cannot be read (root, debugfs)`,
      }
    return findings
  },
  evidence: ({watched}) => `${Math.max(...watched.cpus.map(({running}) => running ?? 0))}`,
  remedy: {text: 'stray-tasks-allowed and stray-tasks-present name the tasks'},
  reference: 'kernel/sched/core.c: sched_can_stop_tick',
})
