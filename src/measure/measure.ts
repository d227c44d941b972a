// SPDX-License-Identifier: MIT

import {readIsolationRecord} from '../facts/isolation.ts'
import type {Helper, HostView, Live} from '../host/host.ts'
import {parseJson} from '../lib/files.ts'
import {breakSentence} from '../model/break-words.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {isIsolated} from '../model/isolation-record.ts'
import {formatPolicy, type Policy} from '../model/policy.ts'
import {type CpuRecord, type MeasureHead, type Whole, WholeSchema} from '../schema/measure.ts'
import type {Circumstances} from './circumstances.ts'
import {type Counters, type CpuMovement, movementOf, readCounters} from './counters.ts'
import {type Explanation, explain} from './explain.ts'
import {filledBuckets} from './histogram.ts'
import {emptyRun, type Interval, mergeRecords, type Run, withInterval} from './run.ts'
import {
  ASKED_AT,
  endedIntervals,
  type Gap,
  lastInterval,
  type SpinnerClock,
  type SpunInterval,
  spinnerClock,
} from './shared-record.ts'
import {WARM_UP_MS} from './watch.ts'

export interface MeasureRequest {
  readonly cpus: CpuSet
  readonly housekeeping: CpuSet
  readonly policy: Policy
  readonly isolate: boolean
  readonly ms: number
  readonly thresholdNs: number
}

export interface Measured {
  readonly run: Run
  readonly whole: readonly Whole[]
  /** CPU to the reason for which its record is not what was asked for. */
  readonly lost: ReadonlyMap<number, string>
  /** The signal ended the run before its time. */
  readonly interrupted: boolean
}

/** What happens while a run lasts. */
export interface Observer {
  /** The CPUs are about to be watched. */
  begun(spinners: MeasureHead['spinners'], run: Run): Promise<void>
  /** An interval has ended; `run` contains it. */
  interval(interval: Interval, run: Run, watchedMs: number): Promise<void>
}

type LiveView = HostView & {readonly live: Live}

/** How long an interval is, and how often a crash of the machine may lose one. */
const INTERVAL_MS = 1000
/** A spinner answers within one pass of its loop, unless something else runs on its CPU. */
const ANSWER_MS = 100

/** A CPU while it is measured. */
export interface Measuring {
  readonly cpu: number
  readonly pid: number
  /** The memory that the spinner shares. */
  readonly path: string
  readonly clock: SpinnerClock
  /** The number of intervals that it was asked to end. */
  asked: bigint
  /** The number of intervals that were read. It is `asked` or one less. */
  taken: bigint
  /** The counters before and after the interval began: between them, both intervals may count. */
  earlier: Counters
  base: Counters
  /** A reading of its counter, with the time of it; renewed, because the clocks drift apart. */
  anchor: {readonly ticks: bigint; readonly wallMs: number; readonly monotonicMs: number}
}

/**
 * Run a spinner on each CPU, and record in intervals of a second what it saw and what the machine
 * counted, until every CPU was watched for the time that was asked for. The signal ends the run
 * early, with what was seen so far. Throws if a spinner cannot start.
 */
export async function measure(
  host: LiveView,
  request: MeasureRequest,
  {facts, observer, signal}: {facts: Circumstances; observer: Observer; signal: AbortSignal},
): Promise<Measured> {
  const {cpus, housekeeping} = request
  await host.live.stayOn(housekeeping).catch(() => {})
  const helpers = new Map<number, Helper>()
  const lost = new Map<number, string>()
  try {
    for (const cpu of cpus) helpers.set(cpu, await host.live.start(spinner(cpu, request)))
    const measuring = await Promise.all([...helpers].map(([cpu, helper]) => open(host, cpu, helper)))
    await host.live.sleep(WARM_UP_MS, signal)
    const pids = new Map(measuring.map(({cpu, pid}) => [cpu, pid]))
    const earlier = await readCounters(host, {cpus, spinners: pids})
    const opened = measuring.map((each): Measuring => ({...each, earlier, base: earlier}))
    await endIntervals(host, opened, lost)
    const base = await readCounters(host, {cpus, spinners: pids, before: earlier})
    for (const each of opened) each.base = base
    let run = emptyRun(Date.parse(host.live.now()))
    await observer.begun(
      opened.map(({cpu, clock}) => ({cpu, tickHz: clock.hertz, loopNs: (clock.cost / clock.hertz) * 1e9})),
      run,
    )
    let last = base
    const watchedMs = () =>
      Math.min(...opened.filter(({cpu}) => !lost.has(cpu)).map(({cpu}) => (run.cpus.get(cpu)?.ns ?? 0) / 1e6))
    const deadline = host.live.monotonicMs() + 2 * request.ms + 10 * INTERVAL_MS
    while (watchedMs() < request.ms && host.live.monotonicMs() < deadline && !signal.aborted) {
      const left = request.ms - watchedMs()
      await host.live.sleep(Math.min(INTERVAL_MS, Math.max(1, left)), signal).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
      const ended = await endIntervals(host, opened, lost)
      const now = await readCounters(host, {cpus, spinners: pids, before: last})
      const records = ended.map(({each, spun}) => {
        const record = recorded(each, {spun, now, pids, facts})
        // What the CPU did since its interval ended is in `now` and in the next sample.
        each.earlier = last
        each.base = now
        return record
      })
      last = now
      if (records.length === 0) continue
      const interval = {atMs: Date.parse(host.live.now()), cpus: records}
      run = withInterval(run, interval)
      await observer.interval(interval, run, watchedMs())
    }
    const interrupted = signal.aborted && watchedMs() < request.ms
    for (const {cpu, asked, taken} of opened)
      if (!lost.has(cpu) && taken !== asked)
        lost.set(cpu, 'did not run when the run ended: its last gap is not known')
    if (request.isolate) await checkIsolation(host, opened, lost)
    const whole: Whole[] = []
    for (const [cpu, {stdout, stderr}] of await stopAll(helpers)) {
      const line = stdout.split('\n').find((text) => text.startsWith('{'))
      const parsed = WholeSchema.safeParse(parseJson(line ?? ''))
      if (parsed.success) whole.push(parsed.data)
      else if (stderr.trim() || !lost.has(cpu))
        lost.set(cpu, stderr.trim() || 'the spinner ended without a record')
    }
    return {run, whole, lost, interrupted}
  } finally {
    await stopAll(helpers)
  }
}

function spinner(cpu: number, {policy, isolate, thresholdNs}: MeasureRequest): [string, ...string[]] {
  return [
    'isol-spin',
    ...['--cpu', `${cpu}`, '--policy', formatPolicy(policy), '--warm-up-ms', `${WARM_UP_MS}`],
    ...['--threshold-ns', `${thresholdNs}`, '--share'],
    ...(isolate ? ['--isolate'] : []),
  ]
}

async function stopAll(helpers: Map<number, Helper>) {
  const ended = [...helpers].map(async ([cpu, helper]) => [cpu, await helper.stop()] as const)
  helpers.clear()
  return Promise.all(ended)
}

async function open(
  host: LiveView,
  cpu: number,
  {pid, ready}: Helper,
): Promise<Omit<Measuring, 'earlier' | 'base'>> {
  const fd = /^ready (\d+)$/.exec(await ready)?.[1]
  const path = `/proc/${pid}/fd/${fd}`
  const bytes = await host.bytes?.(path)
  if (fd === undefined || bytes === undefined)
    throw new Error(`the spinner on CPU ${cpu} shares no memory: ${path}`)
  return {cpu, pid, path, clock: spinnerClock(bytes), asked: 0n, taken: 0n, anchor: anchored(host, 0n)}
}

/** A spinner in task isolation stays in it until something breaks it, which its record tells. */
export async function checkIsolation(
  host: LiveView,
  all: readonly Measuring[],
  lost: Map<number, string>,
): Promise<void> {
  for (const {cpu, pid} of all.filter(({cpu}) => !lost.has(cpu))) {
    const record = await readIsolationRecord(host, {pid}).catch(() => undefined)
    if (record === undefined) lost.set(cpu, 'its isolation record cannot be read')
    else if (!isIsolated(record)) lost.set(cpu, `isolation ended: ${breakSentence(record)}`)
  }
}

const anchored = ({live}: LiveView, ticks: bigint) => ({
  ticks,
  wallMs: Date.parse(live.now()),
  monotonicMs: live.monotonicMs(),
})

/** When the counter of this CPU had this value. */
function timeOf({anchor, clock}: Measuring, ticks: bigint) {
  const ms = (Number(ticks - anchor.ticks) / clock.hertz) * 1000
  return {wallMs: anchor.wallMs + ms, monotonicMs: anchor.monotonicMs + ms}
}

interface Ended {
  readonly each: Measuring
  readonly spun: SpunInterval
}

/**
 * Ask every spinner to end its interval, and return those that did. One that does not run now, for
 * example because another task has its CPU, ends it later: then the interval contains the whole gap.
 */
export async function endIntervals(
  host: LiveView,
  all: readonly Measuring[],
  lost: Map<number, string>,
): Promise<readonly Ended[]> {
  const fail = (cpu: number) => lost.set(cpu, 'the spinner ended before the run did')
  const open = all.filter(({cpu}) => !lost.has(cpu))
  const read = async ({cpu, path}: Measuring) => {
    const bytes = await host.bytes?.(path).catch(() => undefined)
    if (bytes === undefined) fail(cpu)
    return bytes
  }
  const waiting = new Set<Measuring>()
  const askedNow = new Set<Measuring>()
  for (const each of open) {
    const bytes = await read(each)
    if (bytes === undefined) continue
    waiting.add(each)
    // One whose interval was not read is not asked again: it would write the next one beside it.
    if (each.taken !== each.asked) continue
    each.asked++
    askedNow.add(each)
    const word = new Uint8Array(new BigUint64Array([each.asked]).buffer)
    await host.live.poke(each.path, ASKED_AT, word).catch(() => fail(each.cpu))
  }
  const ended: Ended[] = []
  const until = host.live.monotonicMs() + ANSWER_MS
  while (waiting.size > 0) {
    for (const each of waiting) {
      const bytes = lost.has(each.cpu) ? undefined : await read(each)
      if (bytes === undefined) waiting.delete(each)
      else if (endedIntervals(bytes) === each.asked) {
        const spun = lastInterval(bytes)
        each.taken = each.asked
        // An answer to an earlier request was given at a time that is not known.
        if (askedNow.has(each) || each.anchor.ticks === 0n) each.anchor = anchored(host, spun.end)
        ended.push({each, spun})
        waiting.delete(each)
      }
    }
    if (waiting.size === 0 || host.live.monotonicMs() >= until) break
    await host.live.sleep(1)
  }
  return ended
}

/** What one interval showed, in nanoseconds, with the cause of each gap. */
function recorded(
  each: Measuring,
  {
    spun,
    now,
    pids,
    facts,
  }: {spun: SpunInterval; now: Counters; pids: ReadonlyMap<number, number>; facts: Circumstances},
): CpuRecord {
  const {cpu, clock} = each
  const ns = (ticks: number) => (ticks / clock.hertz) * 1e9
  const end = timeOf(each, spun.end)
  const at = ({before}: Gap) => end.wallMs - ns(before) / 1e6
  const movement = movementOf(cpu, each.base, now, pids)
  const rows = (moved: CpuMovement['interrupts']) =>
    Object.fromEntries(moved.map(({name, count}) => [name, count]))
  const {switches, waitedNs, throttled, movedTo, softirqs} = movement
  // A gap that ended while the counters were read may have been counted before it.
  const early = ({before}: Gap) => end.monotonicMs - ns(before) / 1e6 <= each.base.untilMs
  const groups = [
    {gaps: spun.worst.filter((gap) => !early(gap)), movement, rest: spun.over - spun.worst.length},
    {gaps: spun.worst.filter(early), movement: movementOf(cpu, each.earlier, now, pids), rest: 0},
  ]
  const restNs = ns(spun.overTicks - spun.worst.reduce((sum, {ticks}) => sum + ticks, 0))
  const explained = groups.flatMap(({gaps, movement, rest}) => {
    // The gaps beyond the longest are known by number and sum only.
    const shown = Math.min(rest, REST)
    const all = [...gaps.map(({ticks}) => ns(ticks)), ...Array(shown).fill(restNs / rest)] as number[]
    return explain(all, movement, facts).map((explanation, index) => {
      const gap = gaps[index]
      return gap
        ? {explanation, ns: ns(gap.ticks), weight: 1, gap}
        : {explanation, ns: restNs / rest, weight: rest / shown, gap: undefined}
    })
  })
  return mergeRecords({
    cpu,
    ns: Math.round(ns(spun.ticks)),
    turnNs: Math.round(ns(spun.turn)),
    samples: spun.samples,
    over: spun.over,
    overNs: Math.round(ns(spun.overTicks)),
    maxNs: Math.round(ns(spun.max.ticks)),
    ...(spun.max.ticks > 0 ? {maxAt: new Date(at(spun.max)).toISOString()} : {}),
    backwards: spun.backwards,
    worst: explained.flatMap(({explanation, ns, gap}) =>
      gap ? [{ns: Math.round(ns), at: new Date(at(gap)).toISOString(), ...explanation}] : [],
    ),
    causes: explained.map(({explanation, ns, weight}) => tally(explanation, ns, weight)),
    histogram: filledBuckets(spun.histogram),
    interrupts: rows(movement.interrupts),
    ...(softirqs === undefined ? {} : {softirqs: rows(softirqs)}),
    ...(switches === undefined ? {} : {switches}),
    ...(waitedNs === undefined ? {} : {waitedNs}),
    stealMs: movement.stealMs,
    ...(throttled === undefined ? {} : {throttled}),
    ...(movedTo === undefined ? {} : {movedTo}),
  })
}

/** How many of the gaps beyond the longest are explained one by one. */
const REST = 1000

const tally = (explanation: Explanation, ns: number, weight: number): CpuRecord['causes'][number] => ({
  ...explanation,
  gaps: weight,
  ns: Math.round(ns * weight),
  maxNs: Math.round(ns),
})
