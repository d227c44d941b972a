// SPDX-License-Identifier: MIT
import {settings} from '../../facts/settings.ts'
import {tasks} from '../../facts/tasks.ts'
import {defineStep} from '../step.ts'
import {moveThreads} from '../threads.ts'

/** RCU's are a step of their own. */
export const isRcu = (comm: string): boolean => comm.startsWith('rcu')

/** The kernel keeps a threaded handler where its interrupt goes (kernel/irq/manage.c: irq_thread_check_affinity). */
const isIrq = (comm: string): boolean => comm.startsWith('irq/')

export const kthreadAffinity = defineStep({
  id: 'kthread-affinity',
  check: 'kthread-unbound-affinity',
  title: ({housekeeping}) => `Move kernel threads to housekeeping CPUs ${housekeeping}`,
  blast: 'housekeeping CPUs do their work; they are moved while they sleep or run, without a stop',
  facts: {settings, tasks},
  plan({settings, tasks}) {
    const {isolated} = settings
    const bound = tasks.filter(
      ({kernel, fixed, allowed}) =>
        kernel && fixed && !allowed.intersect(isolated).isEmpty && allowed.size === 1,
    )
    return {
      changes: moveThreads(
        tasks.filter(({comm}) => !isRcu(comm) && !isIrq(comm)),
        settings,
      ),
      notes: [
        ...tasks
          .filter(({kernel, comm, allowed}) => kernel && isIrq(comm) && !allowed.intersect(isolated).isEmpty)
          .map(({comm, tid}) => ({
            subject: `${comm} [${tid}]`,
            reason: 'follows its interrupt when that next fires',
          })),
        ...bound.map(({comm, tid}) => ({
          subject: `${comm} [${tid}]`,
          reason: 'bound to its CPU by the kernel, and idle there unless something gives it work',
        })),
      ],
    }
  },
})
