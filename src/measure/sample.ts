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

/** Everything that counts, at one moment, read without entering the kernel on any other CPU. */
export interface Sample {
  readonly atMs: number
  readonly interrupts: readonly InterruptRow[]
  /** Or why they cannot be read. */
  readonly runQueues: ReadonlyMap<number, RunQueue> | string
  readonly tasks: readonly Task[]
  /** CPU number to time the hypervisor took, in clock ticks of 10 ms (USER_HZ). */
  readonly steal: ReadonlyMap<number, number>
}

/**
 * The tasks take longest to read, so they go outermost: first in the sample that opens a window and last in the one that
 * closes it (which is given the `opening` one). What ran inside the window is then always in both.
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
function parseSteal(stat: string): ReadonlyMap<number, number> {
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
  /** Only what moved. */
  readonly interrupts: readonly Moved[]
  /** Context switches on the CPU; absent when neither its run queue nor a spinner on it could tell. */
  readonly switches?: number
  /** Runnable tasks when the window closed, the spinner included; absent when unreadable. */
  readonly running?: number
  /**
   * Who was seen to run there, first those who may be met there still, spinners left out. Tasks too short-lived to be
   * seen show in `switches` only.
   */
  readonly ran: readonly Ran[]
  readonly stealMs: number
}

/** Pure. `spinners` maps a CPU to the thread id of ours that kept it busy. */
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
      interrupts: after.interrupts.flatMap(({name, class: kind, label, counts}) => {
        // A row that is new, as of an interrupt requested meanwhile, began at 0.
        const count = counterDelta(rows.get(name)?.counts.get(cpu) ?? 0, counts.get(cpu) ?? 0)
        return count > 0 ? [{name, class: kind, label, count}] : []
      }),
      ...(switches === undefined ? {} : {switches}),
      ...(running === undefined ? {} : {running}),
      // No switch, no other task: one that is "on" the CPU without a switch has merely been put there.
      ran: switches === 0 ? [] : ranOn(cpu, after.tasks, {earlier, ours}),
      stealMs: Math.max(0, (after.steal.get(cpu) ?? 0) - (before.steal.get(cpu) ?? 0)) * 10,
    }
  })
}

/** First those that were there when the window opened: one that came later may be gone before anybody can move it. */
function ranOn(
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

/** Two witnesses: the run queue (root, debugfs), and the spinner, which is switched out whenever anything else runs. */
function switchesOn(
  cpu: number,
  {before, after, spinner}: {before: Sample; after: Sample; spinner: number | undefined},
): number | undefined {
  if (typeof before.runQueues !== 'string' && typeof after.runQueues !== 'string') {
    const [from, to] = [before.runQueues.get(cpu), after.runQueues.get(cpu)]
    if (from && to) return to.switches - from.switches
  }
  const of = ({tasks}: Sample) => tasks.find(({tid}) => tid === spinner)?.switches
  const [from, to] = [of(before), of(after)]
  return from === undefined || to === undefined ? undefined : to - from
}
