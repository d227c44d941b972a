// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'
import {taskIsolation} from './platform.ts'
import {everyTask} from './tasks.ts'

/** What the kernel's record says of one thread that is or was isolated (kernel-patches/6.12/README.md, "ABI"). */
export interface IsolatedThread {
  readonly pid: number
  readonly tid: number
  readonly name: string
  readonly cpu: number
  /** "isolated", "lost", "off", "starting". */
  readonly state: string
  readonly starts: number
  readonly refusals: number
  readonly breaks: number
  /** Why isolation ended last, "none" when it never did; and for how long it had held, in nanoseconds. */
  readonly lastCause: string
  readonly lastDurationNs: number
}

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

/** One record, "key:<tab>value" per line; undefined for a thread that never tried, as kernel threads never do. */
export function parseIsolation(
  text: string,
  who: {readonly pid: number; readonly tid: number; readonly name: string},
): IsolatedThread | undefined {
  const fields = new Map(text.split('\n').map((line) => line.split(/:\s*/, 2) as [string, string]))
  const number = (key: string) => Number(fields.get(key) ?? 0)
  const [starts, refusals] = [number('starts'), number('eagains')]
  if (starts === 0 && refusals === 0) return undefined
  return {
    ...who,
    cpu: number('cpu'),
    state: fields.get('state') ?? 'unknown',
    starts,
    refusals,
    breaks: number('breaks'),
    lastCause: fields.get('cause') ?? 'unknown',
    lastDurationNs: number('duration_ns'),
  }
}
