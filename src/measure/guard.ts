// SPDX-License-Identifier: MIT
import {defineFact, type Get} from '../facts/fact.ts'
import {taskIsolation} from '../facts/platform.ts'
import {type Task, taskName, tasks} from '../facts/tasks.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'

/** Threads in task isolation that may run on the CPUs in question (/proc/PID/task/TID/task_isolation, root only). */
const isolatedTasks = defineFact<readonly Task[]>('isolated-tasks', async (host, get) => {
  if ((await get(taskIsolation)) === undefined) return []
  const found: Task[] = []
  for (const task of (await get(tasks)).filter(({kernel}) => !kernel)) {
    const record = await host.read(`/proc/${task.pid}/task/${task.tid}/task_isolation`)
    if (record !== undefined && /^state:\s*isolated$/m.test(record)) found.push(task)
  }
  return found
})

/**
 * A spinner beside a program that runs isolated would end its isolation, and so would a tracepoint being turned on
 * anywhere. Throws UserError where one does; what cannot be read stops nobody.
 */
export async function refuseToBreakIsolation(get: Get): Promise<void> {
  const [first, ...others] = await get(isolatedTasks).catch(() => [])
  if (first === undefined) return
  const more = others.length > 0 ? ` and ${others.length} more` : ''
  throw new UserError(
    `${taskName(first)}${more} runs isolated on CPU ${first.cpu}: to measure there would break that`,
    {
      exit: Exit.unsuitable,
      code: 'isolated-program',
      help: 'look without touching: isolctl preflight --passive; or name other CPUs with --cpus',
    },
  )
}
