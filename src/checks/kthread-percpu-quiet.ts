// SPDX-License-Identifier: MIT

import {taskName} from '../facts/tasks.ts'
import {formatSeconds} from '../measure/disturbances.ts'
import {watched} from '../measure/watch.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Remedy} from '../model/finding.ts'
import {defineCheck} from './check.ts'

/** What wakes them, by the beginning of their names. */
const WAKERS: readonly (readonly [RegExp, string])[] = [
  [/^migration\//, 'a move of a task to or from the CPU, or a lockup detector, wakes it'],
  [/^ksoftirqd\//, 'softirqs that an interrupt on the CPU raised'],
  [/^(rcuc|rcuo)/, 'RCU callbacks queued on the CPU, which was in the kernel then'],
  [/^kworker\//, 'work that a task on the CPU queued, or that was queued for every CPU'],
]

const remedy = (comm: string): Remedy => ({
  text: `${WAKERS.find(([name]) => name.test(comm))?.[1] ?? 'find what wakes it'}; the tracepoint workqueue:workqueue_execute_start names work`,
})

export default defineCheck({
  id: 'kthread-percpu-quiet',
  title: 'kernel threads bound there did not run',
  why: 'The threads that belong to a CPU cannot be moved, so they must sleep. One that runs takes the CPU from its program. Find what woke it.',
  values:
    'The context switches of each thread in the window. 0 passes. It is normal that such threads exist.',
  facts: {watched},
  proof: true,
  judge({watched}) {
    const found = watched.cpus.flatMap(({cpu, ran}) =>
      ran
        .filter(({kernel, fixed}) => kernel && fixed)
        .map((task) => ({
          severity: 'fail' as const,
          subject: taskName(task),
          message: `ran on CPU ${cpu}`,
          cpus: CpuSet.of(cpu),
          expected: `nothing in ${formatSeconds(watched.seconds)}`,
          actual: `${task.switches} context switches`,
          remedy: remedy(task.comm),
        })),
    )
    const blind = watched.cpus.filter(({switches}) => switches === undefined)
    if (found.length === 0 && blind.length > 0)
      return {unknown: 'none was seen to run, but the run queues cannot be read (needs root and debugfs)'}
    return found
  },
  evidence: ({watched}) => `none in ${formatSeconds(watched.seconds)}`,
  reference: 'Documentation/admin-guide/kernel-per-CPU-kthreads.rst',
})
