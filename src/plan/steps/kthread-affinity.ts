// SPDX-License-Identifier: MIT
import {settings} from '../../facts/settings.ts'
import {tasks} from '../../facts/tasks.ts'
import {defineStep} from '../step.ts'
import {moveThreads} from '../threads.ts'

/** The threads of RCU, which have a step of their own. */
export const isRcu = (comm: string): boolean => comm.startsWith('rcu')

/**
 * The kernel binds a threaded handler to the CPU of its interrupt (kernel/irq/manage.c:
 * irq_thread_check_affinity).
 */
const isIrq = (comm: string): boolean => comm.startsWith('irq/')

export const kthreadAffinity = defineStep({
  id: 'kthread-affinity',
  check: 'kthread-unbound-affinity',
  title: ({housekeeping}) => `Move kernel threads to housekeeping CPUs ${housekeeping}`,
  blast: 'housekeeping CPUs run these threads; they move without being stopped',
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
            reason: 'moves with its interrupt when it fires the next time',
          })),
        ...bound.map(({comm, tid}) => ({
          subject: `${comm} [${tid}]`,
          reason: 'bound to its CPU by the kernel, and idle unless the CPU has work for it',
        })),
      ],
    }
  },
})
