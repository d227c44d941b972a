// SPDX-License-Identifier: MIT
import {type HostView, startOf, type Thread} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact} from './fact.ts'
import {settings} from './settings.ts'

/** include/linux/sched.h; the same values from 6.1 to 6.12 at least. */
const PF_WQ_WORKER = 0x20
const PF_KTHREAD = 0x0020_0000
const PF_NO_SETAFFINITY = 0x0400_0000

/** What /proc/PID/task/TID/status alone says of a thread, user or kernel. */
export interface Listed {
  readonly pid: number
  readonly tid: number
  readonly comm: string
  /** Where it may run. Threads with the same mask share one object. */
  readonly allowed: CpuSet
  /** Voluntary and involuntary context switches together. */
  readonly switches: number
}

/** One thread at one moment, with what only its stat file says. */
export interface Task extends Listed {
  /** One letter: R running or runnable, S sleeping, ... */
  readonly state: string
  readonly kernel: boolean
  /** A kworker or workqueue rescuer: obeys its workqueue's cpumask. */
  readonly worker: boolean
  /** Nobody may move it (PF_NO_SETAFFINITY): per-CPU kthreads, kworkers, rescuers. */
  readonly fixed: boolean
  /** Where it last ran: neither where it may run, nor that it runs. */
  readonly cpu: number
  /** Clock ticks between boot and its start: with `tid` it names this thread for good. */
  readonly start: string
  /** User and system time, in clock ticks (USER_HZ). */
  readonly time: number
}

/** Every thread of the machine, in one walk over /proc. Threads that end while we look are left out. */
export const everyTask = defineFact<readonly Listed[]>('every-task', (host) => listTasks(host))

/** Those that may run on an isolated CPU: the others cannot disturb one. */
export const tasks = defineFact<readonly Task[]>('tasks', async (host, get) => {
  const {isolated} = await get(settings)
  return detailed(host, await get(everyTask), isolated)
})

/**
 * The same, at this moment. `also` names threads that are wanted wherever they may run by now, because they could run
 * there before.
 */
export async function readTasks(
  host: HostView,
  cpus: CpuSet,
  also: ReadonlySet<number> = new Set(),
): Promise<readonly Task[]> {
  return detailed(host, await listTasks(host), cpus, also)
}

/** A rest now and then, in which a Ctrl-C is heard and the terminal drawn. */
const BETWEEN_RESTS = 2000
const rest = () => new Promise((resolve) => setImmediate(resolve))

async function listTasks(host: HostView): Promise<readonly Listed[]> {
  const processes = (await host.list('/proc')).filter((name) => /^\d+$/.test(name))
  if (processes.length === 0) throw new Error('/proc holds no process')
  const parse = statusParser()
  const found: Listed[] = []
  let read = 0
  for (const pid of processes) {
    for (const tid of await host.list(`/proc/${pid}/task`)) {
      const status = await host.read(`/proc/${pid}/task/${tid}/status`)
      const task = status === undefined ? undefined : parse(Number(pid), Number(tid), status)
      if (task) found.push(task)
      if (++read % BETWEEN_RESTS === 0) await rest()
    }
  }
  return found
}

async function detailed(
  host: HostView,
  listed: readonly Listed[],
  cpus: CpuSet,
  also: ReadonlySet<number> = new Set(),
): Promise<readonly Task[]> {
  const touches = grouped((allowed: CpuSet) => !allowed.isDisjointFrom(cpus))
  const found: Task[] = []
  let read = 0
  for (const task of listed) {
    if (!touches(task.allowed) && !also.has(task.tid)) continue
    const stat = await host.read(`/proc/${task.pid}/task/${task.tid}/stat`)
    const complete = stat === undefined ? undefined : withStat(task, stat)
    if (complete) found.push(complete)
    if (++read % BETWEEN_RESTS === 0) await rest()
  }
  return found
}

/** An answer about a mask, worked out once for all threads that share it. */
export function grouped<T>(answer: (allowed: CpuSet) => T): (allowed: CpuSet) => T {
  const known = new Map<CpuSet, T>()
  return (allowed) => {
    const old = known.get(allowed)
    if (old !== undefined) return old
    const fresh = answer(allowed)
    known.set(allowed, fresh)
    return fresh
  }
}

/**
 * Reads status files; a thread without affinity (it is ending) gives undefined. Machines have tens of thousands of
 * threads with a handful of masks, so each mask is parsed once.
 */
export function statusParser(): (pid: number, tid: number, status: string) => Listed | undefined {
  const masks = new Map<string, CpuSet>()
  const names = new Map<string, string>()
  return (pid, tid, status) => {
    const text = line(status, 'Cpus_allowed_list')
    if (text === undefined) return undefined
    let allowed = masks.get(text)
    if (allowed === undefined) {
      try {
        allowed = CpuSet.parse(text)
      } catch (cause) {
        throw new Error(`/proc/${pid}/task/${tid}/status: ${(cause as Error).message}`, {cause})
      }
      masks.set(own(text), allowed)
    }
    const name = line(status, 'Name') ?? ''
    const comm = names.get(name) ?? own(name)
    names.set(comm, comm)
    const count = (key: string) => Number(line(status, key) ?? 0)
    return {
      pid,
      tid,
      comm,
      allowed,
      switches: count('voluntary_ctxt_switches') + count('nonvoluntary_ctxt_switches'),
    }
  }
}

/** The text after "KEY:" and a tab. The file starts with its first key. */
function line(status: string, key: string): string | undefined {
  const at = status.startsWith(`${key}:`) ? 0 : status.indexOf(`\n${key}:`) + 1
  if (at === 0 && !status.startsWith(`${key}:`)) return undefined
  const end = status.indexOf('\n', at)
  return status.slice(at + key.length + 1, end === -1 ? undefined : end).trim()
}

/** A copy: a slice would keep the whole file it was cut from in memory. */
const own = (text: string) => Buffer.from(text).toString()

/** The last of those we read; there are 52. */
const LAST_FIELD = 39

/** Fields as in proc(5): the name may hold anything, so everything is counted from the last ")". Pure. */
export function withStat(task: Listed, stat: string): Task | undefined {
  const [open, close] = [stat.indexOf('('), stat.lastIndexOf(')')]
  const fields = stat.slice(close + 2).split(' ', LAST_FIELD - 2)
  const field = (number: number) => Number(fields[number - 3])
  const [flags, cpu, time] = [field(9), field(39), field(14) + field(15)]
  if (open === -1 || close < open || ![flags, cpu, time].every(Number.isFinite)) return undefined
  const comm = stat.slice(open + 1, close)
  return {
    ...task,
    comm: comm === task.comm ? task.comm : own(comm), // where the other file has it escaped
    state: fields[0] ?? '?',
    kernel: (flags & PF_KTHREAD) !== 0,
    worker: (flags & PF_WQ_WORKER) !== 0,
    fixed: (flags & PF_NO_SETAFFINITY) !== 0,
    start: own(fields[22 - 3] ?? ''),
    cpu,
    time,
  }
}

/** Where a thread may run, as a cpulist; undefined when it is gone, also when another one has its number by now. */
export async function taskAffinity(host: HostView, {tid, start}: Thread): Promise<string | undefined> {
  const folder = `/proc/${tid}/task/${tid}`
  const status = await host.read(`${folder}/status`)
  // Read last: were the number given away in between, this is the other's.
  const stat = await host.read(`${folder}/stat`)
  if (status === undefined || stat === undefined || startOf(stat) !== start) return undefined
  return /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1]
}

/** "kworker/3:1 [412]", as ps would say it. */
export const taskName = ({comm, tid}: Pick<Listed, 'comm' | 'tid'>): string => `${comm} [${tid}]`
