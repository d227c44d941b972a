// SPDX-License-Identifier: MIT

import {type IsolatedThread, parseIsolation} from '../model/isolation-record.ts'
import {defineFact} from './fact.ts'
import {taskIsolation} from './platform.ts'
import {everyTask} from './tasks.ts'

/**
 * Threads that are isolated now, or were. Undefined: the kernel has no task isolation. Reading a record reads kernel
 * memory and interrupts nobody; but the first reader of a thread makes the kernel allocate one, so only threads that can
 * have one are asked: those bound to one eligible CPU. Throws HostError where we may not read.
 */
export const isolatedThreads = defineFact<readonly IsolatedThread[] | undefined>(
  'isolated-threads',
  async (host, get) => {
    const eligible = await get(taskIsolation)
    if (eligible === undefined) return undefined
    const found: IsolatedThread[] = []
    for (const {pid, tid, comm, allowed} of await get(everyTask)) {
      if (allowed.size !== 1 || !allowed.isSubsetOf(eligible)) continue
      const text = await host.read(`/proc/${pid}/task/${tid}/task_isolation`)
      const thread = text === undefined ? undefined : parseIsolation(text, {pid, tid, name: comm})
      if (thread) found.push(thread)
    }
    return found.toSorted((a, b) => a.cpu - b.cpu || a.tid - b.tid)
  },
)
