// SPDX-License-Identifier: MIT
import {mustRead} from '../facts/fact.ts'
import {INTERRUPTS, type InterruptRow, parseInterrupts} from '../facts/interrupts.ts'
import {readTasks, type Task} from '../facts/tasks.ts'
import {type HostView, type Live, statField} from '../host/host.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {type Moved, type Movement, movedRows, parseSteal, ranOn} from './sample.ts'

/** A spinner as the scheduler sees it. */
export interface SpinnerState {
  /** The CPU where it ran last: another one if its CPU was taken away. */
  readonly cpu: number
  /** It gave the CPU up: a spinner does so only when it is stopped or faults. */
  readonly voluntary: number
  /** Something else was given the CPU. */
  readonly involuntary: number
  /**
   * Nanoseconds for which it was runnable and did not run (/proc/PID/schedstat,
   * Documentation/scheduler/sched-stats.rst). Absent if the kernel does not count them.
   */
  readonly waitedNs?: number
}

/**
 * The counters of the machine when an interval ended. Reading them interrupts no other CPU. The
 * cheap ones are read each time, the tasks only if another task ran on one of the CPUs.
 */
export interface Counters {
  /** Monotonic, when the first and when the last counter was read. */
  readonly fromMs: number
  readonly untilMs: number
  readonly interrupts: ReadonlyMap<string, InterruptRow>
  /** Rows of /proc/softirqs. Undefined if the file does not exist. */
  readonly softirqs: ReadonlyMap<string, InterruptRow> | undefined
  /** CPU to the time that the hypervisor took, in clock ticks of 10 ms. */
  readonly steal: ReadonlyMap<number, number>
  /** CPU to thermal throttling events since boot. CPUs without such a counter are absent. */
  readonly throttled: ReadonlyMap<number, number>
  readonly spinners: ReadonlyMap<number, SpinnerState>
  /** The tasks, as they were when another task last ran on one of the CPUs. */
  readonly tasks: readonly Task[]
}

const SOFTIRQS = '/proc/softirqs'

/** `spinners` maps a CPU to the process id of its spinner. Throws Error for what must be readable. */
export async function readCounters(
  host: HostView & {readonly live: Live},
  {cpus, spinners, before}: {cpus: CpuSet; spinners: ReadonlyMap<number, number>; before?: Counters},
): Promise<Counters> {
  const fromMs = host.live.monotonicMs()
  const interrupts = byName(parseInterrupts(await mustRead(host, INTERRUPTS), cpus))
  const soft = await host.read(SOFTIRQS)
  const steal = parseSteal(await mustRead(host, '/proc/stat'))
  const states = new Map<number, SpinnerState>()
  for (const [cpu, pid] of spinners) {
    const state = await readSpinner(host, pid)
    if (state) states.set(cpu, state)
  }
  const throttled = new Map<number, number>()
  for (const cpu of cpus) {
    const text = await host.read(`/sys/devices/system/cpu/cpu${cpu}/thermal_throttle/core_throttle_count`)
    if (text !== undefined && /^\d+\s*$/.test(text)) throttled.set(cpu, Number(text))
  }
  const untilMs = host.live.monotonicMs()
  const switched = [...states].some(
    ([cpu, state]) => switchesOf(state) !== switchesOf(before?.spinners.get(cpu)),
  )
  const tasks =
    before && !switched
      ? before.tasks
      : await readTasks(host, cpus, new Set(before?.tasks.map(({tid}) => tid)))
  return {
    fromMs,
    untilMs,
    interrupts,
    softirqs: soft === undefined ? undefined : byName(parseInterrupts(soft, cpus)),
    steal,
    throttled,
    spinners: states,
    tasks,
  }
}

const byName = (rows: readonly InterruptRow[]) => new Map(rows.map((row) => [row.name, row]))

const switchesOf = (state: SpinnerState | undefined) => state && state.voluntary + state.involuntary

/** Undefined if the process has ended. */
async function readSpinner(host: HostView, pid: number): Promise<SpinnerState | undefined> {
  const [status, stat, schedstat] = [
    await host.read(`/proc/${pid}/status`),
    await host.read(`/proc/${pid}/stat`),
    await host.read(`/proc/${pid}/schedstat`).catch(() => undefined),
  ]
  const count = (key: string) => Number(new RegExp(`^${key}:\\s*(\\d+)$`, 'm').exec(status ?? '')?.[1])
  const cpu = Number((stat && statField(stat, 39)) || Number.NaN)
  const [voluntary, involuntary] = [count('voluntary_ctxt_switches'), count('nonvoluntary_ctxt_switches')]
  if (![cpu, voluntary, involuntary].every(Number.isInteger)) return undefined
  const waited = /^\d+ (\d+) \d+/.exec(schedstat ?? '')?.[1]
  return {cpu, voluntary, involuntary, ...(waited === undefined ? {} : {waitedNs: Number(waited)})}
}

/** What moved on one CPU between two samples. */
export interface CpuMovement extends Movement {
  readonly softirqs?: readonly Moved[]
  /** How often the spinner gave the CPU up. Absent if the spinner could not be read. */
  readonly voluntary?: number
  readonly involuntary?: number
  /** For how long the spinner waited while something else ran. */
  readonly waitedNs?: number
  readonly throttled?: number
  /** The spinner was found on this CPU instead of its own. */
  readonly movedTo?: number
}

/** Pure. */
export function movementOf(
  cpu: number,
  before: Counters,
  after: Counters,
  spinners: ReadonlyMap<number, number>,
): CpuMovement {
  const [was, is] = [before.spinners.get(cpu), after.spinners.get(cpu)]
  const grown = (key: 'voluntary' | 'involuntary' | 'waitedNs') => {
    const [from, to] = [was?.[key], is?.[key]]
    return from === undefined || to === undefined || to < from ? {} : {[key]: to - from}
  }
  const counts: Pick<CpuMovement, 'voluntary' | 'involuntary' | 'waitedNs'> = {
    ...grown('voluntary'),
    ...grown('involuntary'),
    ...grown('waitedNs'),
  }
  const {voluntary, involuntary} = counts
  const switches = voluntary === undefined || involuntary === undefined ? undefined : voluntary + involuntary
  const earlier = new Map(before.tasks.map((task) => [task.tid, task]))
  const throttled = after.throttled.get(cpu)
  return {
    cpu,
    seconds: (after.fromMs - before.fromMs) / 1000,
    interrupts: movedRows(cpu, before.interrupts, [...after.interrupts.values()]),
    ...(before.softirqs && after.softirqs
      ? {softirqs: movedRows(cpu, before.softirqs, [...after.softirqs.values()])}
      : {}),
    ...(switches === undefined ? {} : {switches}),
    ...counts,
    ran: switches === 0 ? [] : ranOn(cpu, after.tasks, {earlier, ours: new Set(spinners.values())}),
    stealMs: Math.max(0, (after.steal.get(cpu) ?? 0) - (before.steal.get(cpu) ?? 0)) * 10,
    ...(throttled === undefined ? {} : {throttled: throttled - (before.throttled.get(cpu) ?? throttled)}),
    ...(is && is.cpu !== cpu ? {movedTo: is.cpu} : {}),
  }
}
