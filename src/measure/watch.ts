// SPDX-License-Identifier: MIT

import * as z from 'zod'
import {defineFact, type Fact} from '../facts/fact.ts'
import {readIsolationRecord} from '../facts/isolation.ts'
import {readClocksource} from '../facts/platform.ts'
import {settings} from '../facts/settings.ts'
import {type CpuTimers, readTimers} from '../facts/timers.ts'
import {type Helper, HostError, type HostView, type Live, NotMeasured} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {IsolationRecord} from '../model/isolation-record.ts'
import {formatPolicy} from '../model/policy.ts'
import type {Settings} from '../model/settings.ts'
import {type Movement, movements, takeSample} from './sample.ts'
import {readTrace, traceEvents, type Witness} from './trace.ts'

/** How to measure. Given by the command. */
export interface Probe {
  /**
   * Keep every isolated CPU busy while it is watched. Otherwise the state of the tick under load is
   * unknown.
   */
  readonly spin: boolean
  /**
   * Make the spinners enter task isolation, as `launch` does. The patched kernel then parks the
   * fair server.
   */
  readonly isolate: boolean
  /** Load one CPU at a time, while the other isolated CPUs are idle. Default: all at once. */
  readonly oneByOne?: boolean
  /** If a CPU was disturbed, watch a second window with tracepoints, to record the sources. */
  readonly trace?: boolean
}

export const probe: Fact<Probe> = defineFact('probe', () => {
  throw new Error('how to measure was not given')
})

/** The times in which the CPU did not run the spinner. Printed by native/helpers/spin.c. */
const GapRecord = z.object({
  cpu: z.number(),
  tickHz: z.number(),
  observedNs: z.number(),
  iterations: z.number(),
  thresholdNs: z.number(),
  gaps: z.number(),
  maxGapNs: z.number(),
  maxGapAtNs: z.number(),
  log2Ticks: z.array(z.number()),
})
export type GapRecord = z.output<typeof GapRecord>

export interface CpuWatch extends Movement {
  readonly gaps?: GapRecord
  readonly timers?: CpuTimers
  /** The clock source after the window. */
  readonly clocksource?: string
  /** The kernel's isolation record of the spinner, if it was asked to enter task isolation. */
  readonly isolation?: IsolationRecord
  /** What tracepoints recorded in a second window, most frequent first. */
  readonly witnesses?: readonly Witness[]
}

/** The isolated CPUs over a window. */
export interface Watch {
  readonly startedAt: string
  readonly seconds: number
  /** Whether spinners kept the CPUs busy. */
  readonly spun: boolean
  readonly cpus: readonly CpuWatch[]
  /** Why tracepoints could not be used. Absent if they could, or if nobody asked for them. */
  readonly traceError?: string
}

/**
 * How long the spinners run before the window opens. In that time the work that their start caused
 * ends: deferred memory work, RCU, and the fair server, which needs two periods of 1 s.
 */
export const WARM_UP_MS = 3000

/** The isolated CPUs under load: each runs a spinner under the launch policy. */
export const busy = defineFact<Watch>('busy', async (host, get) => {
  const how = await get(probe)
  if (!host.live) throw new NotMeasured('a captured machine cannot be measured')
  if (!how.spin) throw new NotMeasured('--passive starts no spinner')
  const wanted = {...(await get(settings)), ...how}
  const machine = {...host, live: host.live}
  if (!how.oneByOne) return watchBusy(machine, wanted)
  const watches: Watch[] = []
  for (const cpu of wanted.isolated)
    watches.push(await watchBusy(machine, {...wanted, isolated: CpuSet.of(cpu)}))
  return together(watches)
})

/** The isolated CPUs over the window: under load, or without load under `--passive`. */
export const watched = defineFact<Watch>('watched', async (host, get) => {
  if (!host.live) throw new NotMeasured('a captured machine cannot be measured')
  if ((await get(probe)).spin) return get(busy)
  const {isolated, windowMs} = await get(settings)
  return watchWindow({...host, live: host.live}, {cpus: isolated, windowMs, spinners: new Map()})
})

type LiveView = HostView & {readonly live: Live}

type Wanted = Settings & Probe

/** One watch from those of single CPUs. Its time is that of the shortest window. */
function together(watches: readonly Watch[]): Watch {
  const [first, ...rest] = watches
  if (first === undefined) throw new Error('no CPU was watched')
  return {
    ...first,
    ...rest.find(({traceError}) => traceError !== undefined),
    startedAt: first.startedAt,
    seconds: Math.min(...watches.map(({seconds}) => seconds)),
    cpus: watches.flatMap(({cpus}) => cpus),
  }
}

async function watchBusy(host: LiveView, wanted: Wanted): Promise<Watch> {
  const {isolated, housekeeping, windowMs, isolate, trace} = wanted
  // If this fails, isolctl may run on an isolated CPU. The report then names it like any other
  // task.
  await host.live.stayOn(housekeeping).catch(() => {})
  const {result, gaps} = await spinning(host, wanted, async (pids) => {
    const watch = await watchWindow(host, {cpus: isolated, windowMs, spinners: pids})
    return {watch, details: await whileBusy(host, {pids, isolate})}
  })
  const {watch, details} = result
  const disturbed = watch.cpus.some(({interrupts, switches = 0}) => interrupts.length > 0 || switches > 0)
  const traced: Traced = trace && disturbed ? await watchTraced(host, wanted) : {witnesses: []}
  return {
    ...watch,
    ...('traceError' in traced ? traced : {}),
    spun: true,
    cpus: watch.cpus.map((seen) => {
      const record = gaps.get(seen.cpu)
      if (record) requireWhole(record.observedNs / 1e6, windowMs)
      const witnesses = 'witnesses' in traced ? traced.witnesses.filter(({cpu}) => cpu === seen.cpu) : []
      return {
        ...seen,
        ...details(seen.cpu),
        ...(record ? {gaps: record} : {}),
        ...(witnesses.length > 0 ? {witnesses} : {}),
      }
    }),
  }
}

type Traced = {readonly witnesses: readonly Witness[]} | {readonly traceError: string}

/**
 * Watch a second window with tracepoints. It is separate because turning tracepoints on and off
 * interrupts the CPUs, and these interrupts must not be counted.
 */
async function watchTraced(host: LiveView, wanted: Wanted): Promise<Traced> {
  const {isolated, housekeeping, windowMs} = wanted
  const request = {events: traceEvents(isolated), cpus: isolated.union(housekeeping).size}
  try {
    const {result} = await spinning(host, wanted, () =>
      host.live.trace(request, () => host.live.sleep(windowMs)),
    )
    return {witnesses: readTrace(result, {cpus: isolated, own: process.pid})}
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    return {traceError: error.message}
  }
}

/**
 * Start a spinner on each isolated CPU, wait WARM_UP_MS, and run `body` with the map from CPU to
 * pid. The spinners are stopped also if a step throws.
 */
async function spinning<T>(
  {live}: LiveView,
  {isolated, policy, isolate}: Wanted,
  body: (pids: ReadonlyMap<number, number>) => Promise<T>,
): Promise<{readonly result: T; readonly gaps: ReadonlyMap<number, GapRecord>}> {
  const spinners = new Map<number, Helper>()
  const stopAll = async () => {
    const ended = [...spinners].map(async ([cpu, spinner]) => [cpu, await spinner.stop()] as const)
    spinners.clear()
    return Promise.all(ended)
  }
  try {
    for (const cpu of isolated) {
      spinners.set(
        cpu,
        await live.start([
          'isol-spin',
          ...['--cpu', `${cpu}`, '--policy', formatPolicy(policy), '--warm-up-ms', `${WARM_UP_MS}`],
          ...(isolate ? ['--isolate'] : []),
        ]),
      )
    }
    await Promise.all([...spinners.values()].map(({ready}) => ready))
    await live.sleep(WARM_UP_MS)
    const result = await body(new Map([...spinners].map(([cpu, {pid}]) => [cpu, pid])))
    const records = (await stopAll()).map(
      ([cpu, {stdout, stderr}]) => [cpu, parseRecord(cpu, stdout, stderr)] as const,
    )
    return {result, gaps: new Map(records)}
  } finally {
    await stopAll()
  }
}

async function watchWindow(
  host: LiveView,
  {cpus, windowMs, spinners}: {cpus: CpuSet; windowMs: number; spinners: ReadonlyMap<number, number>},
): Promise<Watch> {
  const startedAt = host.live.now()
  const before = await takeSample(host, cpus)
  await host.live.sleep(windowMs)
  const after = await takeSample(host, cpus, before)
  requireWhole(after.atMs - before.atMs, windowMs)
  return {
    startedAt,
    seconds: (after.atMs - before.atMs) / 1000,
    spun: false,
    cpus: movements(before, after, {cpus, spinners}),
  }
}

/** A shorter window proves less than what was asked for: nothing. Throws Error. */
export function requireWhole(measuredMs: number, windowMs: number): void {
  if (!(measuredMs >= windowMs))
    throw new Error(
      `the window was ${measuredMs / 1000} s long, and not the ${windowMs / 1000} s that were asked for`,
    )
}

/**
 * Read after the window and before the spinners stop. These values only help to find a cause: what
 * cannot be read is absent.
 */
async function whileBusy(
  host: LiveView,
  {pids, isolate}: {readonly pids: ReadonlyMap<number, number>; readonly isolate: boolean},
): Promise<(cpu: number) => Pick<CpuWatch, 'timers' | 'clocksource' | 'isolation'>> {
  const timers = await readTimers(host).catch(() => undefined)
  const clocksource = await readClocksource(host).catch(() => undefined)
  const isolation = new Map<number, IsolationRecord>()
  for (const [cpu, pid] of isolate ? pids : []) {
    const record = await readIsolationRecord(host, {pid}).catch(() => undefined)
    if (record) isolation.set(cpu, record)
  }
  return (cpu) => {
    const [armed, record] = [timers?.get(cpu), isolation.get(cpu)]
    return {
      ...(armed ? {timers: armed} : {}),
      ...(clocksource === undefined ? {} : {clocksource}),
      ...(record ? {isolation: record} : {}),
    }
  }
}

function parseRecord(cpu: number, stdout: string, stderr: string): GapRecord {
  const line = stdout.split('\n').find((text) => text.startsWith('{'))
  if (line === undefined)
    throw new Error(stderr.trim() || `the spinner on CPU ${cpu} ended before the window closed`)
  return GapRecord.parse(JSON.parse(line))
}
