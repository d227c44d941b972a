// SPDX-License-Identifier: MIT

import type {HostView} from '../host/host.ts'
import {type IsolationRecord, isIsolated, parseIsolationRecord} from '../model/isolation-record.ts'
import {defineFact} from './fact.ts'
import {taskIsolation} from './platform.ts'
import {everyTask, type Task, tasks} from './tasks.ts'

/** A thread that is isolated, was, or tried. */
export interface IsolatedThread {
  readonly pid: number
  readonly tid: number
  readonly name: string
  readonly record: IsolationRecord
}

/**
 * The kernel's record of a thread; without `tid`, of the first thread of the process. Undefined: the
 * thread has ended, or the kernel has no task isolation. Reading interrupts no thread, but the first
 * read for a thread makes the kernel allocate a record. Throws HostError without the right to read.
 */
export async function readIsolationRecord(
  host: HostView,
  {pid, tid}: {readonly pid: number; readonly tid?: number},
): Promise<IsolationRecord | undefined> {
  const folder = tid === undefined ? `/proc/${pid}` : `/proc/${pid}/task/${tid}`
  const text = await host.read(`${folder}/task_isolation`)
  if (text === undefined) return undefined
  const record = parseIsolationRecord(text)
  const {sender} = record
  if (sender === undefined || !(await isForeign(host, pid, sender.pid))) return record
  return {...record, sender: {...sender, foreign: true}}
}

/** Whether a thread lives in another process than this one. One that has ended is not known to. */
async function isForeign(host: HostView, pid: number, tid: number): Promise<boolean> {
  if (tid === 0) return false // an interrupt, or not visible here
  const own = await host.read(`/proc/${pid}/task/${tid}/comm`)
  return own === undefined && (await host.read(`/proc/${tid}/comm`)) !== undefined
}

/**
 * Threads that are isolated now, or were. Undefined: the kernel has no task isolation. Only threads that can be isolated are
 * asked: those bound to one eligible CPU. Throws HostError where we may not read.
 */
export const isolatedThreads = defineFact<readonly IsolatedThread[] | undefined>(
  'isolated-threads',
  async (host, get) => {
    const eligible = await get(taskIsolation)
    if (eligible === undefined) return undefined
    const found: IsolatedThread[] = []
    for (const {pid, tid, comm, allowed} of await get(everyTask)) {
      if (allowed.size !== 1 || !allowed.isSubsetOf(eligible)) continue
      const record = await readIsolationRecord(host, {pid, tid})
      // A thread that never tried has a record as well: kernel threads, for example.
      if (record && (record.starts > 0 || record.refusals > 0)) found.push({pid, tid, name: comm, record})
    }
    return found.toSorted((a, b) => a.record.cpu - b.record.cpu || a.tid - b.tid)
  },
)

/** Threads that are isolated now and may run on the CPUs in question. */
export const isolatedTasks = defineFact<readonly Task[]>('isolated-tasks', async (host, get) => {
  if ((await get(taskIsolation)) === undefined) return []
  const found: Task[] = []
  for (const task of (await get(tasks)).filter(({kernel}) => !kernel)) {
    const record = await readIsolationRecord(host, task)
    if (record && isIsolated(record)) found.push(task)
  }
  return found
})
