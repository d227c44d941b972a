// SPDX-License-Identifier: MIT
import {mustRead} from '../facts/fact.ts'
import {
  counterDelta,
  INTERRUPTS,
  type InterruptClass,
  type InterruptRow,
  parseInterrupts,
} from '../facts/interrupts.ts'
import {type RunQueue, readRunQueues} from '../facts/sched-debug.ts'
import {readTasks, type Task} from '../facts/tasks.ts'
import type {HostView, Live} from '../host/host.ts'
import type {CpuSet} from '../model/cpuset.ts'

/** The counters of the machine at one time. Reading them interrupts no other CPU. */
export interface Sample {
  readonly atMs: number
  readonly interrupts: readonly InterruptRow[]
  /** By CPU; or, as a string, why they cannot be read. */
  readonly runQueues: ReadonlyMap<number, RunQueue> | string
  readonly tasks: readonly Task[]
  /** CPU number to the time that the hypervisor took, in clock ticks of 10 ms (USER_HZ). */
  readonly steal: ReadonlyMap<number, number>
}

/**
 * Read the tasks outside the window, because they take longest: first in the sample that opens a
 * window, and last in the one that closes it. A task that is there for the whole window is then in
 * both samples. `opening` is given for the sample that closes a window.
 */
export async function takeSample(
  host: HostView & {readonly live: Live},
  cpus: CpuSet,
  opening?: Sample,
): Promise<Sample> {
  const early = opening ? undefined : await readTasks(host, cpus)
  const runQueues = await readRunQueues(host).catch((error: Error) => error.message)
  const steal = parseSteal(await mustRead(host, '/proc/stat'))
  const interrupts = parseInterrupts(await mustRead(host, INTERRUPTS), cpus)
  const atMs = host.live.monotonicMs()
  const before = new Set(opening?.tasks.map(({tid}) => tid))
  return {atMs, interrupts, runQueues, steal, tasks: early ?? (await readTasks(host, cpus, before))}
}

/** "cpu3 user nice system idle iowait irq softirq steal ..." (fs/proc/stat.c). Pure. */
export function parseSteal(stat: string): ReadonlyMap<number, number> {
  const lines = [...stat.matchAll(/^cpu(\d+)((?: \d+)+)/gm)]
  return new Map(lines.map(([, cpu, fields = '']) => [Number(cpu), Number(fields.trim().split(' ')[7] ?? 0)]))
}

export interface Moved {
  /** "24", "LOC" */
  readonly name: string
  readonly class: InterruptClass
  readonly label: string
  readonly count: number
}

/** A task that was on the CPU during the window. */
export interface Ran extends Pick<Task, 'tid' | 'comm' | 'kernel' | 'fixed' | 'worker'> {
  readonly switches: number
}

/** What happened on one CPU between two samples. */
export interface Movement {
  readonly cpu: number
  readonly seconds: number
  /** Only rows whose count grew. */
  readonly interrupts: readonly Moved[]
  /**
   * Context switches on the CPU. Absent if its run queue cannot be read and no spinner ran on it.
   */
  readonly switches?: number
  /** Runnable tasks at the end of the window, with the spinner. Absent if it cannot be read. */
  readonly running?: number
  /**
   * The tasks that ran there, without the spinners. First those that were there when the window
   * opened. A task that lives between two samples is counted in `switches` only.
   */
  readonly ran: readonly Ran[]
  readonly stealMs: number
}

/**
 * What happened on each CPU between two samples. `spinners` maps a CPU to the thread id of its
 * spinner. Pure.
 */
export function movements(
  before: Sample,
  after: Sample,
  {cpus, spinners}: {readonly cpus: CpuSet; readonly spinners: ReadonlyMap<number, number>},
): readonly Movement[] {
  const seconds = (after.atMs - before.atMs) / 1000
  const earlier = new Map(before.tasks.map((task) => [task.tid, task]))
  const rows = new Map(before.interrupts.map((row) => [row.name, row]))
  const ours = new Set(spinners.values())
  return [...cpus].map((cpu) => {
    const switches = switchesOn(cpu, {before, after, spinner: spinners.get(cpu)})
    const running = typeof after.runQueues === 'string' ? undefined : after.runQueues.get(cpu)?.running
    return {
      cpu,
      seconds,
      interrupts: movedRows(cpu, rows, after.interrupts),
      ...(switches === undefined ? {} : {switches}),
      ...(running === undefined ? {} : {running}),
      // Without a context switch no other task ran: a task may be assigned to the CPU and not run.
      ran: switches === 0 ? [] : ranOn(cpu, after.tasks, {earlier, ours}),
      stealMs: Math.max(0, (after.steal.get(cpu) ?? 0) - (before.steal.get(cpu) ?? 0)) * 10,
    }
  })
}

/** The rows whose count grew on a CPU. `earlier` has the rows before, by name. Pure. */
export function movedRows(
  cpu: number,
  earlier: ReadonlyMap<string, InterruptRow>,
  rows: readonly InterruptRow[],
): readonly Moved[] {
  return rows.flatMap(({name, class: kind, label, counts}) => {
    // The row of an interrupt that was requested in the window started at 0.
    const count = counterDelta(earlier.get(name)?.counts.get(cpu) ?? 0, counts.get(cpu) ?? 0)
    return count > 0 ? [{name, class: kind, label, count}] : []
  })
}

/**
 * Tasks that were there when the window opened come first: a task that came later may end before
 * the user can move it.
 */
export function ranOn(
  cpu: number,
  tasks: readonly Task[],
  {earlier, ours}: {earlier: ReadonlyMap<number, Task>; ours: ReadonlySet<number>},
): readonly Ran[] {
  const ran = tasks.flatMap((task) => {
    const was = earlier.get(task.tid)
    const here = task.cpu === cpu || was?.cpu === cpu
    const switches = task.switches - (was?.switches ?? 0)
    const time = task.time - (was?.time ?? 0)
    const stayed = Number(was !== undefined)
    return here && !ours.has(task.tid) && (switches > 0 || time > 0) ? [{task, switches, time, stayed}] : []
  })
  return ran
    .sort((a, b) => b.stayed - a.stayed || b.time - a.time || b.switches - a.switches)
    .map(({task: {tid, comm, kernel, fixed, worker}, switches}) => ({
      tid,
      comm,
      kernel,
      fixed,
      worker,
      switches,
    }))
}

/**
 * Context switches, from the run queue (needs root and debugfs). Otherwise those of the spinner,
 * which is switched out when any other task runs.
 */
function switchesOn(
  cpu: number,
  {before, after, spinner}: {before: Sample; after: Sample; spinner: number | undefined},
): number | undefined {
  if (typeof before.runQueues !== 'string' && typeof after.runQueues !== 'string') {
    const [from, to] = [before.runQueues.get(cpu), after.runQueues.get(cpu)]
    if (from && to) return grown(from.switches, to.switches)
  }
  const of = ({tasks}: Sample) => tasks.find(({tid}) => tid === spinner)?.switches
  const [from, to] = [of(before), of(after)]
  return from === undefined || to === undefined ? undefined : grown(from, to)
}

/** The increase of a counter of 64 bits; undefined for one that went back, which proves nothing. */
const grown = (from: number, to: number): number | undefined => (to >= from ? to - from : undefined)
