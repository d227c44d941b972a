// SPDX-License-Identifier: MIT

import {taskName} from '../../facts/tasks.ts'
import type {CpuSet} from '../../model/cpuset.ts'
import type {Remedy} from '../../model/finding.ts'
import type {Ran} from '../sample.ts'
import type {Rung} from './cause.ts'

export const names = (ran: readonly Ran[]) => {
  const [first, second, third, ...rest] = ran.map(taskName)
  return [first, second, third, rest.length > 0 ? `${rest.length} more` : undefined]
    .filter((name) => name !== undefined)
    .join(', ')
}

/** Something else ran; for as long as two tasks are runnable the tick runs too. */
export const otherTask: Rung = ({watch: {switches}, ran}, {housekeeping}) =>
  (switches ?? 0) === 0 && ran.length === 0
    ? undefined
    : {
        id: 'other-task',
        // Threads that belong to the CPU are a matter of their own: nobody can move them.
        concern: ran.length > 0 && ran.every(({kernel, fixed}) => kernel && fixed) ? 'kthread' : 'task',
        label: ran.length > 0 ? names(ran) : 'another task',
        sentence: ran.length > 0 ? 'ran on the CPU' : 'ran on the CPU, and was gone before it could be named',
        remedy: keepAway(ran, housekeeping),
        explains: ['timer', 'resched', 'irq-work'],
        tasks: true,
      }

export function keepAway(ran: readonly Ran[], housekeeping: CpuSet): Remedy {
  const movable = ran.find(({fixed}) => !fixed)
  if (movable)
    return {
      text: 'keep it off the isolated CPUs',
      command: `taskset -cp ${housekeeping} ${movable.tid}`,
    }
  if (ran.some(({worker}) => worker))
    return {
      text: 'find who queues work there: unbound work obeys the cpumask, bound work follows whoever queued it',
      step: 'workqueue-cpumask',
    }
  return {text: 'a per-CPU kernel thread cannot be moved: find and stop what wakes it'}
}
