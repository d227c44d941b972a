// SPDX-License-Identifier: MIT
import type {Get} from '../facts/fact.ts'
import {isolatedTasks} from '../facts/isolation.ts'
import {taskName} from '../facts/tasks.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'

/**
 * Refuse to measure while a program runs in task isolation. A spinner on its CPU would end its
 * isolation, and so would a tracepoint that is turned on, on any CPU. Throws UserError in that
 * case. If isolated programs cannot be read, the measurement is allowed.
 */
export async function refuseToBreakIsolation(get: Get): Promise<void> {
  const [first, ...others] = await get(isolatedTasks).catch(() => [])
  if (first === undefined) return
  const more = others.length > 0 ? ` and ${others.length} more` : ''
  throw new UserError(
    `${taskName(first)}${more} runs isolated on CPU ${first.cpu}: a measurement there would end its isolation`,
    {
      exit: Exit.unsuitable,
      code: 'isolated-program',
      help: 'measure without load: isolctl preflight --passive; or name other CPUs with --cpus',
    },
  )
}
