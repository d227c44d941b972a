// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {CpuSet} from '../lib/cpuset.ts'
import {defineFact} from './fact.ts'

/** include/linux/sched.h; the same values from 6.1 to 6.12 at least. */
const PF_WQ_WORKER = 0x20
const PF_KTHREAD = 0x0020_0000
const PF_NO_SETAFFINITY = 0x0400_0000

/** One thread, user or kernel, at one moment. */
export interface Task {
  readonly pid: number
  readonly tid: number
  readonly comm: string
  /** One letter: R running or runnable, S sleeping, ... */
  readonly state: string
  readonly kernel: boolean
  /** A kworker or workqueue rescuer: obeys its workqueue's cpumask. */
  readonly worker: boolean
  /** Nobody may move it (PF_NO_SETAFFINITY): per-CPU kthreads, kworkers, rescuers. */
  readonly fixed: boolean
  /** Where it may run. */
  readonly allowed: CpuSet
  /** Where it last ran: neither where it may run, nor that it runs. */
  readonly cpu: number
  /** Voluntary and involuntary context switches together. */
  readonly switches: number
  /** User and system time, in clock ticks (USER_HZ). */
  readonly time: number
}

/** Every thread of the machine. Threads that end while we look are left out. */
export const tasks = defineFact<readonly Task[]>('tasks', readTasks)

export async function readTasks(host: HostView): Promise<readonly Task[]> {
  const processes = (await host.list('/proc')).filter((name) => /^\d+$/.test(name))
  if (processes.length === 0) throw new Error('/proc holds no process')
  const threads = await inBatches(processes, async (pid) =>
    (await host.list(`/proc/${pid}/task`)).map((tid) => [Number(pid), Number(tid)] as const),
  )
  const found = await inBatches(threads.flat(), ([pid, tid]) => readTask(host, pid, tid))
  return found.filter((task) => task !== undefined)
}

/** Enough at once to keep the thread pool busy, few enough not to run out of file descriptors. */
async function inBatches<T, U>(items: readonly T[], each: (item: T) => Promise<U>): Promise<readonly U[]> {
  const results: U[] = []
  for (let start = 0; start < items.length; start += 64)
    results.push(...(await Promise.all(items.slice(start, start + 64).map(each))))
  return results
}

async function readTask(host: HostView, pid: number, tid: number): Promise<Task | undefined> {
  const folder = `/proc/${pid}/task/${tid}`
  const [stat, status] = await Promise.all([host.read(`${folder}/stat`), host.read(`${folder}/status`)])
  if (!stat || !status) return undefined // gone
  return parseTask(pid, tid, stat, status)
}

/** Fields as in proc(5): the name may hold anything, so everything is counted from the last ")". Pure. */
export function parseTask(pid: number, tid: number, stat: string, status: string): Task | undefined {
  const [open, close] = [stat.indexOf('('), stat.lastIndexOf(')')]
  const fields = stat.slice(close + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  const line = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]
  const allowed = line('Cpus_allowed_list')
  if (open === -1 || close === -1 || allowed === undefined) return undefined
  const flags = field(9)
  return {
    pid,
    tid,
    comm: stat.slice(open + 1, close),
    state: fields[0] ?? '?',
    kernel: (flags & PF_KTHREAD) !== 0,
    worker: (flags & PF_WQ_WORKER) !== 0,
    fixed: (flags & PF_NO_SETAFFINITY) !== 0,
    allowed: CpuSet.parse(allowed),
    cpu: field(39),
    switches: Number(line('voluntary_ctxt_switches') ?? 0) + Number(line('nonvoluntary_ctxt_switches') ?? 0),
    time: field(14) + field(15),
  }
}

/** "kworker/3:1 [412]", as ps would say it. */
export const taskName = ({comm, tid}: Pick<Task, 'comm' | 'tid'>): string => `${comm} [${tid}]`
