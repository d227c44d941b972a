// SPDX-License-Identifier: MIT
import {type HostView, startOf, type Thread, tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, integer, parsed} from './fact.ts'
import {settings} from './settings.ts'

/** include/linux/sched.h; the values are the same from 6.1 to 6.12. */
const PF_WQ_WORKER = 0x20
const PF_KTHREAD = 0x0020_0000
const PF_NO_SETAFFINITY = 0x0400_0000

/** What /proc/PID/task/TID/status says about a thread, in user or kernel space. */
export interface Listed {
  readonly pid: number
  readonly tid: number
  readonly comm: string
  /** Its affinity. Threads with the same mask share one object. */
  readonly allowed: CpuSet
  /** Voluntary plus involuntary context switches. */
  readonly switches: number
}

/** One thread at one moment, with the fields of its stat file. */
export interface Task extends Listed {
  /** One letter: R running or runnable, S sleeping, ... */
  readonly state: string
  readonly kernel: boolean
  /** A kworker or workqueue rescuer, which uses the cpumask of its workqueue. */
  readonly worker: boolean
  /** User space cannot move it (PF_NO_SETAFFINITY): per-CPU kthreads, kworkers, rescuers. */
  readonly fixed: boolean
  /** The CPU where it last ran, which is neither its affinity nor a sign that it runs. */
  readonly cpu: number
  /** Start time in clock ticks since boot: together with `tid` it identifies the thread. */
  readonly start: string
  /** User and system time, in clock ticks (USER_HZ). */
  readonly time: number
}

/**
 * All threads of the machine, from one walk over /proc. Threads that end during the walk are
 * skipped.
 */
export const everyTask = defineFact<readonly Listed[]>('every-task', (host) => listTasks(host))

/** The threads that may run on an isolated CPU: no other thread can disturb one. */
export const tasks = defineFact<readonly Task[]>('tasks', async (host, get) => {
  const {isolated} = await get(settings)
  return detailed(host, await get(everyTask), isolated)
})

/**
 * The threads that may run on these CPUs, at this moment. `also` adds threads by id, independent of
 * their affinity, because they could run there before.
 */
export async function readTasks(
  host: HostView,
  cpus: CpuSet,
  also: ReadonlySet<number> = new Set(),
): Promise<readonly Task[]> {
  return detailed(host, await listTasks(host), cpus, also)
}

/** Yield to the event loop now and then, so that Ctrl-C is handled and the terminal is updated. */
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
      if (status === undefined) await requireGone(host, `/proc/${pid}/task/${tid}`, 'status')
      const task = status === undefined ? undefined : parse(Number(pid), Number(tid), status)
      if (task) found.push(task)
      else if (status !== undefined && !host.live)
        throw new Error(`/proc/${pid}/task/${tid}/status has no line "Cpus_allowed_list"`)
      if (++read % BETWEEN_RESTS === 0) await rest()
    }
  }
  if (found.length === 0) throw new Error('/proc lists no thread')
  return found
}

/**
 * A thread that ended has none of its files. Throws Error where one of a captured thread is lost.
 */
async function requireGone(host: HostView, folder: string, lost: 'stat' | 'status'): Promise<void> {
  if (host.live) return
  const other = lost === 'stat' ? 'status' : 'stat'
  if ((await host.read(`${folder}/${other}`)) !== undefined || !tellsAbsence(host))
    throw new Error(`${folder}/${lost} was not captured`)
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
    const folder = `/proc/${task.pid}/task/${task.tid}`
    const stat = await host.read(`${folder}/stat`)
    if (stat === undefined) await requireGone(host, folder, 'stat')
    else {
      const complete = withStat(task, stat)
      if (complete === undefined) throw new Error(`${folder}/stat: not the state of a thread`)
      found.push(complete)
    }
    if (++read % BETWEEN_RESTS === 0) await rest()
  }
  return found
}

/** Cache an answer per mask, for all threads that share the mask. */
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
 * Returns a parser of status files; it returns undefined for a thread without affinity, which is
 * exiting. Throws Error for a text that is no status file. A machine has tens of thousands of
 * threads with a few different masks, so each mask is parsed once.
 */
export function statusParser(): (pid: number, tid: number, status: string) => Listed | undefined {
  const masks = new Map<string, CpuSet>()
  const names = new Map<string, string>()
  return (pid, tid, status) => {
    const path = `/proc/${pid}/task/${tid}/status`
    const [name, text] = [line(status, 'Name'), line(status, 'Cpus_allowed_list')]
    if (name === undefined) throw new Error(`${path}: no line "Name"`)
    if (text === undefined) return undefined
    let allowed = masks.get(text)
    if (allowed === undefined) {
      allowed = parsed(path, text, CpuSet.printed)
      masks.set(own(text), allowed)
    }
    const comm = names.get(name) ?? own(name)
    names.set(comm, comm)
    const count = (key: string) => parsed(path, line(status, key) ?? '0', (number) => integer(number))
    return {
      pid,
      tid,
      comm,
      allowed,
      switches: count('voluntary_ctxt_switches') + count('nonvoluntary_ctxt_switches'),
    }
  }
}

/**
 * The text after "KEY:" and a tab; undefined when the key is absent. The file starts with its first
 * key.
 */
function line(status: string, key: string): string | undefined {
  const at = status.startsWith(`${key}:`) ? 0 : status.indexOf(`\n${key}:`) + 1
  if (at === 0 && !status.startsWith(`${key}:`)) return undefined
  const end = status.indexOf('\n', at)
  return status.slice(at + key.length + 1, end === -1 ? undefined : end).trim()
}

/** Copy a string: a slice would keep the whole file in memory. */
const own = (text: string) => Buffer.from(text).toString()

/** The last field that is read, out of 52. */
const LAST_FIELD = 39

/**
 * Parse the fields of proc(5). The name may contain any character, so the fields are counted from
 * the last ")". Undefined for another text. Pure.
 */
export function withStat(task: Listed, stat: string): Task | undefined {
  const [open, close] = [stat.indexOf('('), stat.lastIndexOf(')')]
  const fields = stat.slice(close + 2).split(' ', LAST_FIELD - 2)
  const field = (number: number) => Number(fields[number - 3])
  const [flags, cpu, time] = [field(9), field(39), field(14) + field(15)]
  if (open === -1 || close < open || ![flags, cpu, time].every((each) => each >= 0)) return undefined
  const comm = stat.slice(open + 1, close)
  return {
    ...task,
    comm: comm === task.comm ? task.comm : own(comm), // the status file escapes it
    state: fields[0] ?? '?',
    kernel: (flags & PF_KTHREAD) !== 0,
    worker: (flags & PF_WQ_WORKER) !== 0,
    fixed: (flags & PF_NO_SETAFFINITY) !== 0,
    start: own(fields[22 - 3] ?? ''),
    cpu,
    time,
  }
}

/**
 * The affinity of a thread as a cpulist; undefined when the thread has ended, also when another
 * thread has its id now.
 */
export async function taskAffinity(host: HostView, {tid, start}: Thread): Promise<string | undefined> {
  const folder = `/proc/${tid}/task/${tid}`
  const status = await host.read(`${folder}/status`)
  // Read after status: if the id was reused in between, the start time differs.
  const stat = await host.read(`${folder}/stat`)
  if (status === undefined || stat === undefined || startOf(stat) !== start) return undefined
  return /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1]
}

/** "kworker/3:1 [412]", as ps prints it. */
export const taskName = ({comm, tid}: Pick<Listed, 'comm' | 'tid'>): string => `${comm} [${tid}]`
