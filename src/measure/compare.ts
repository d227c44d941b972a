// SPDX-License-Identifier: MIT
import type {MeasureReport} from '../schema/measure.ts'
import {lowestOf} from './histogram.ts'

/** How one quantity of a run stands to that of an earlier one, the base. */
export type Change = 'better' | 'worse' | 'same' | 'unknown'

/** A quantity in two runs, and what may be said of it. */
export interface Comparison {
  readonly quantity: string
  /** In nanoseconds, or gaps per hour; absent where the run does not give it. */
  readonly base?: number | undefined
  readonly run?: number | undefined
  readonly unit: 'ns' | 'per hour'
  readonly change: Change
  /** Why the change is called so, where the numbers alone do not show it. */
  readonly why?: string | undefined
}

/**
 * The distance, in standard deviations, beyond which a difference is not chance. One comparison in
 * four hundred is then called a difference though there is none.
 */
const DEVIATIONS = 3

/** Longest gaps are compared where the times of both runs differ by less than this factor. */
const SAME_TIME = 1.1

/**
 * A run that was watched for less time than the base is the same only if a rate so much higher would
 * have been seen.
 */
const SEEN_RATE = 2

/**
 * Percentiles differ if one is higher by this factor and by this time. Millions of passes make the
 * bounds narrow, but the cost of the loop, which is subtracted, differs a little from run to run.
 */
const SLOWER = {factor: 1.25, ns: 100} as const

/** What was seen of the CPUs of a run together. */
export interface Seen {
  /** Time on all CPUs, in nanoseconds. */
  readonly ns: number
  readonly maxNs: number
  readonly samples: number
  /** Values and how many passes of the loop had them, in ascending order; in nanoseconds. */
  readonly buckets: readonly {readonly lowNs: number; readonly highNs: number; readonly count: number}[]
  /** Gaps of at least the threshold, as the spinners counted them. */
  readonly over: {readonly ns: number; readonly count: number}
  /** How much more the number of gaps varies from cell to cell than by chance; at least 1. */
  readonly bursts: number
}

/** All CPUs of a run as one. Pure. */
export function seenIn({asked, cpus, spinners, series}: MeasureReport): Seen {
  const buckets = cpus.flatMap(({cpu, histogram}) => {
    const hertz = spinners.find((spinner) => spinner.cpu === cpu)?.tickHz ?? 1e9
    const ns = (bucket: number) => (lowestOf(bucket) / hertz) * 1e9
    return histogram.map(([bucket, count]) => ({lowNs: ns(bucket), highNs: ns(bucket + 1), count}))
  })
  return {
    ns: cpus.reduce((sum, {ns}) => sum + ns, 0),
    maxNs: Math.max(0, ...cpus.map(({maxNs}) => maxNs)),
    samples: buckets.reduce((sum, {count}) => sum + count, 0),
    buckets: buckets.sort((a, b) => a.lowNs - b.lowNs),
    over: {ns: asked.thresholdNs, count: cpus.reduce((sum, {over}) => sum + over, 0)},
    bursts: burstsOf(series.cpus.flatMap(({over}) => over.filter((count) => count !== null))),
  }
}

/**
 * The variance of counts divided by their mean. It is 1 if events come independently of each other;
 * where they come in bursts it is higher, and as many events prove less. Pure.
 */
export function burstsOf(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  if (!(mean > 0) || counts.length < 2) return 1
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / (counts.length - 1)
  return Math.max(1, variance / mean)
}

/** Gaps of at least this length. A bucket that the length divides counts if more than half is above. */
export const gapsFrom = ({buckets, over}: Seen, ns: number): number =>
  ns === over.ns
    ? over.count
    : buckets.reduce((sum, {lowNs, highNs, count}) => sum + ((lowNs + highNs) / 2 >= ns ? count : 0), 0)

/**
 * The bounds between which the true share of the second count lies, as Wilson's score interval gives
 * them for DEVIATIONS. Pure.
 */
export function shareBounds(first: number, second: number): readonly [number, number] {
  const all = first + second
  if (all === 0) return [0, 1]
  const [share, square] = [second / all, DEVIATIONS ** 2]
  const centre = share + square / (2 * all)
  const spread = DEVIATIONS * Math.sqrt((share * (1 - share) + square / (4 * all)) / all)
  const scale = 1 + square / all
  return [Math.max(0, (centre - spread) / scale), Math.min(1, (centre + spread) / scale)]
}

/**
 * The bounds of the rate of the run divided by that of the base. If both have the same rate, each
 * event is one of the run with a probability of the run's share of the time. Pure.
 */
export function rateRatio(
  base: {readonly count: number; readonly ns: number},
  run: {readonly count: number; readonly ns: number},
  bursts = 1,
): readonly [number, number] {
  const [low, high] = shareBounds(base.count / bursts, run.count / bursts)
  const ratio = (share: number) => (share / (1 - share)) * (base.ns / run.ns)
  return [ratio(low), ratio(high)]
}

const changeOf = ([low, high]: readonly [number, number]): Change =>
  low > 1 ? 'worse' : high < 1 ? 'better' : 'same'

const HOUR_NS = 3600e9

function rates(
  base: Seen,
  run: Seen,
  ns: number,
): {counts: readonly [number, number]; ratio: readonly [number, number]} {
  const counts = [gapsFrom(base, ns), gapsFrom(run, ns)] as const
  const bursts = Math.max(base.bursts, run.bursts)
  return {counts, ratio: rateRatio({count: counts[0], ns: base.ns}, {count: counts[1], ns: run.ns}, bursts)}
}

const twoDigits = (value: number) =>
  value === Number.POSITIVE_INFINITY ? 'any' : `${Number(value.toPrecision(2))}`

function gapRate(base: Seen, run: Seen, ns: number): Comparison {
  const {counts, ratio} = rates(base, run, ns)
  const none = counts[0] + counts[1] === 0
  const change = none ? 'same' : changeOf(ratio)
  const shorter = run.ns * SAME_TIME < base.ns
  const blind = change === 'same' && shorter && (none || ratio[1] > SEEN_RATE)
  const words = none
    ? 'neither run has one'
    : `${counts[0]} and ${counts[1]} gaps: the rate is ${twoDigits(ratio[0])} to ${twoDigits(ratio[1])} times that of the base`
  return {
    quantity: 'gaps',
    base: (counts[0] / base.ns) * HOUR_NS,
    run: (counts[1] / run.ns) * HOUR_NS,
    unit: 'per hour',
    change: blind ? 'unknown' : change,
    why: blind ? `${words}, and the run is shorter than the base: it may have missed what is rare` : words,
  }
}

interface Percentile {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** A percentile, and the bounds by the ranks between which it lies; undefined if the samples are too few. */
function percentileOf({buckets, samples, bursts}: Seen, share: number): Percentile | undefined {
  const spread = DEVIATIONS * Math.sqrt(samples * share * (1 - share) * bursts)
  const rank = samples * share
  if (rank + spread >= samples || samples === 0) return undefined
  const at = (rank: number) => {
    let seen = 0
    return buckets.find((bucket) => {
      seen += bucket.count
      return seen >= rank
    })
  }
  return {
    value: at(rank)?.highNs ?? Number.POSITIVE_INFINITY,
    low: at(rank - spread)?.lowNs ?? 0,
    high: at(rank + spread)?.highNs ?? Number.POSITIVE_INFINITY,
  }
}

const isSlower = (low: number, high: number) => low > high * SLOWER.factor && low > high + SLOWER.ns

function percentileChange(base: Seen, run: Seen, share: number): Comparison {
  const [was, is] = [percentileOf(base, share), percentileOf(run, share)]
  const common = {
    quantity: `p${Number((share * 100).toFixed(6))}`,
    base: was?.value,
    run: is?.value,
    unit: 'ns',
  } as const
  if (was === undefined || is === undefined)
    return {
      ...common,
      change: 'unknown',
      why: `${was === undefined ? 'the base' : 'the run'} has too few samples`,
    }
  const speed = base.samples / base.ns / (run.samples / run.ns)
  if (speed > SAME_TIME || speed < 1 / SAME_TIME)
    return {
      ...common,
      change: 'unknown',
      why: 'the loops were not equally fast: they are shares of different numbers of passes',
    }
  return {
    ...common,
    change: isSlower(is.low, was.high) ? 'worse' : isSlower(was.low, is.high) ? 'better' : 'same',
  }
}

function longestChange(base: Seen, run: Seen): Comparison {
  const common = {quantity: 'longest gap', base: base.maxNs, run: run.maxNs, unit: 'ns'} as const
  const times = base.ns / run.ns
  if (times > SAME_TIME || times < 1 / SAME_TIME)
    return {
      ...common,
      change: 'unknown',
      why: 'the runs were not equally long: the longer one has seen more of what is rare',
    }
  const shorter = Math.min(base.maxNs, run.maxNs)
  const rate = changeOf(rates(base, run, shorter).ratio)
  // Many gaps that are as long as the shorter one do not make it the longer one.
  const longer = run.maxNs > base.maxNs ? 'worse' : 'better'
  const change = run.maxNs !== base.maxNs && rate === longer ? rate : 'same'
  return {
    ...common,
    change,
    why: change === 'same' ? 'one gap, or a few, may be chance' : undefined,
  }
}

const SHARES = [0.999, 0.9999, 0.99999] as const

export interface ComparedRuns {
  readonly change: Change
  readonly thresholdNs: number
  readonly quantities: readonly Comparison[]
}

/**
 * A run beside an earlier one: all CPUs of each together. It is worse if anything is, unknown if one
 * of both is no proof or the rates of gaps cannot be told apart, and better if something is. Pure.
 */
export function compareRuns(base: MeasureReport, run: MeasureReport): ComparedRuns {
  const [was, is] = [seenIn(base), seenIn(run)]
  const thresholdNs = Math.max(base.asked.thresholdNs, run.asked.thresholdNs)
  const quantities =
    was.ns === 0 || is.ns === 0
      ? []
      : [
          gapRate(was, is, thresholdNs),
          ...SHARES.map((share) => percentileChange(was, is, share)),
          longestChange(was, is),
        ]
  const has = (change: Change) => quantities.some((each) => each.change === change)
  const proven =
    [base, run].every(({verdict}) => verdict !== 'unknown') &&
    quantities.length > 0 &&
    quantities[0]?.change !== 'unknown'
  const change = has('worse') ? 'worse' : !proven ? 'unknown' : has('better') ? 'better' : 'same'
  return {change, thresholdNs, quantities}
}
