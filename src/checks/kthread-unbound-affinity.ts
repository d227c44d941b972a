// SPDX-License-Identifier: MIT
import {optional} from '../facts/fact.ts'
import {irqs} from '../facts/irqs.ts'
import {settings} from '../facts/settings.ts'
import {everyTask, taskName, tasks} from '../facts/tasks.ts'
import {kthreadRemedy} from '../measure/remedies/kthread.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

/**
 * One per NUMA node; the kernel moves them only for an isolated cpuset partition, or from 6.14 on.
 */
const PER_NODE = /^(kswapd|kcompactd)\d+$/

export default defineCheck({
  id: 'kthread-unbound-affinity',
  title: 'movable kernel threads stay on housekeeping CPUs',
  why: 'A kernel thread that is not bound to one CPU runs on any CPU of its affinity. This check says what could run, not what ran.',
  values: 'The CPUs on which the thread may run. A warning says that it could run there, not that it did.',
  facts: {everyTask, irqs: optional(irqs), settings, tasks},
  judge: ({irqs, settings, tasks}) =>
    tasks
      .filter(({kernel, fixed}) => kernel && !fixed)
      .flatMap((task) =>
        reaching(task.allowed, settings, {
          severity: 'warn',
          subject: taskName(task),
          remedy: kthreadRemedy(task.comm, settings.isolated, irqs),
          says: (open) =>
            `could run on CPU ${open}${PER_NODE.test(task.comm) ? ', when memory is short' : ''}`,
        }),
      ),
  evidence: ({everyTask}) => `${everyTask.length} threads looked at`,
  reference: 'include/linux/sched.h: PF_NO_SETAFFINITY',
})
