// SPDX-License-Identifier: MIT

import {taskName} from '../../facts/tasks.ts'
import type {Remedy} from '../../model/finding.ts'
import type {Circumstances} from '../circumstances.ts'
import {kthreadRemedy} from '../remedies/kthread.ts'
import type {Ran} from '../sample.ts'
import type {Rung} from './cause.ts'

export const names = (ran: readonly Ran[]) => {
  const [first, second, third, ...rest] = ran.map(taskName)
  return [first, second, third, rest.length > 0 ? `${rest.length} more` : undefined]
    .filter((name) => name !== undefined)
    .join(', ')
}

/** Another task ran, other than the declared workload. While two tasks are runnable, the tick runs too. */
export const otherTask: Rung = ({watch: {switches}, ran: all}, facts) => {
  const ran = all.filter(({tid}) => !facts.meant?.has(tid))
  const quiet = ran.length === 0 && (all.length > 0 || (switches ?? 0) === 0)
  return quiet
    ? undefined
    : {
        id: 'other-task',
        // Bound kthreads have their own check, because they cannot be moved.
        concern: ran.length > 0 && ran.every(({kernel, fixed}) => kernel && fixed) ? 'kthread' : 'task',
        label: ran.length > 0 ? names(ran) : 'another task',
        sentence: ran.length > 0 ? 'ran on the CPU' : 'ran on the CPU, and ended before its name was read',
        remedy: keepAway(ran, facts),
        explains: ['timer', 'resched', 'irq-work'],
        tasks: true,
      }
}

export function keepAway(ran: readonly Ran[], {isolated, housekeeping, irqs}: Circumstances): Remedy {
  const movable = ran.find(({fixed}) => !fixed)
  if (movable?.kernel) return kthreadRemedy(movable.comm, isolated, irqs)
  if (movable)
    return {
      text: 'keep it off the isolated CPUs',
      command: `taskset -cp ${housekeeping} ${movable.tid}`,
    }
  const workers = ran.filter(({worker}) => worker)
  if (workers.some(({comm}) => comm.startsWith('kworker/u')))
    return {text: 'keep unbound work off the isolated CPUs', step: 'workqueue-cpumask'}
  if (workers.length > 0)
    return {text: 'find what queues work there: bound work runs on the CPU that queued it'}
  return {text: 'a per-CPU kernel thread cannot be moved: find and stop what wakes it'}
}
