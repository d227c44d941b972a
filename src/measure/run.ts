// SPDX-License-Identifier: MIT
import type {CpuRecord, Series} from '../schema/measure.ts'
import {emptyHistogram, type Histogram} from './histogram.ts'

/** What was seen so far. Its size does not depend on how long it is. */
export interface Run {
  /** Milliseconds since 1970, when the first interval began. */
  readonly startMs: number
  readonly cpus: ReadonlyMap<number, CpuRecord>
  readonly series: Series
}

/** One interval of some CPUs. */
export interface Interval {
  /** Milliseconds since 1970, when it ended. */
  readonly atMs: number
  readonly cpus: readonly CpuRecord[]
}

/** How many gaps and causes a record keeps. */
const WORST = 16
const CAUSES = 64
/** How many cells the series of a CPU has at most. */
export const CELLS = 512
const FIRST_CELL_MS = 1000

export const emptyRun = (startMs: number): Run => ({
  startMs,
  cpus: new Map(),
  series: {cellMs: FIRST_CELL_MS, cpus: []},
})

/** The run with one more interval. Pure. */
export function withInterval(run: Run, {atMs, cpus}: Interval): Run {
  const records = new Map(run.cpus)
  let {series} = run
  for (const record of cpus) {
    const before = records.get(record.cpu)
    records.set(record.cpu, before ? mergeRecords(before, record) : mergeRecords(record))
    series = withCells(series, record, atMs - run.startMs)
  }
  return {...run, cpus: records, series}
}

/** One record from records of the same CPU, in the order of time. Pure. */
export function mergeRecords(first: CpuRecord, ...rest: readonly CpuRecord[]): CpuRecord {
  return rest.reduce(mergeTwo, {
    ...first,
    worst: longest(first.worst),
    causes: mergeTallies(first.causes),
  })
}

function mergeTwo(a: CpuRecord, b: CpuRecord): CpuRecord {
  const longer = b.maxNs > a.maxNs ? b : a
  const movedTo = a.movedTo ?? b.movedTo
  const sums = {
    ...known('switches', a, b),
    ...known('waitedNs', a, b),
    ...known('throttled', a, b),
  }
  return {
    cpu: a.cpu,
    ns: a.ns + b.ns,
    turnNs: a.turnNs + b.turnNs,
    samples: a.samples + b.samples,
    over: a.over + b.over,
    overNs: a.overNs + b.overNs,
    maxNs: longer.maxNs,
    ...(longer.maxAt === undefined ? {} : {maxAt: longer.maxAt}),
    backwards: a.backwards + b.backwards,
    worst: b.worst.length === 0 ? a.worst : longest([...a.worst, ...b.worst]),
    causes: b.causes.length === 0 ? a.causes : mergeTallies([...a.causes, ...b.causes]),
    histogram: mergeBuckets(a.histogram, b.histogram),
    interrupts: mergeRows(a.interrupts, b.interrupts),
    ...(a.softirqs && b.softirqs ? {softirqs: mergeRows(a.softirqs, b.softirqs)} : {}),
    ...sums,
    stealMs: a.stealMs + b.stealMs,
    ...(movedTo === undefined ? {} : {movedTo}),
  }
}

/** A counter that was not read in one of the two is not known for both. */
function known<K extends 'switches' | 'waitedNs' | 'throttled'>(
  key: K,
  a: CpuRecord,
  b: CpuRecord,
): Pick<CpuRecord, K> | Record<never, never> {
  const [one, other] = [a[key], b[key]]
  return one === undefined || other === undefined ? {} : ({[key]: one + other} as Pick<CpuRecord, K>)
}

const longest = (gaps: CpuRecord['worst']): CpuRecord['worst'] =>
  [...gaps].sort((a, b) => b.ns - a.ns).slice(0, WORST)

function mergeRows(a: Readonly<Record<string, number>>, b: typeof a): Record<string, number> {
  const sum: Record<string, number> = {...a}
  for (const [row, count] of Object.entries(b)) sum[row] = (sum[row] ?? 0) + count
  return sum
}

type Tally = CpuRecord['causes'][number]

/** The least of more than CAUSES become one. */
function mergeTallies(tallies: readonly Tally[]): Tally[] {
  const sums = new Map<string, Tally>()
  for (const tally of tallies) {
    const key = `${tally.id} ${tally.label} ${tally.sentence}`
    const sum = sums.get(key)
    sums.set(key, sum ? addTally(sum, tally) : tally)
  }
  const sorted = [...sums.values()].sort((a, b) => b.ns - a.ns)
  if (sorted.length <= CAUSES) return sorted
  const named = sorted.filter(({id}) => id !== OTHERS.id)
  const rest = [...named.slice(CAUSES - 1), ...sorted.filter(({id}) => id === OTHERS.id)].reduce(addTally)
  return [...named.slice(0, CAUSES - 1), {...OTHERS, gaps: rest.gaps, ns: rest.ns, maxNs: rest.maxNs}].sort(
    (a, b) => b.ns - a.ns,
  )
}

const OTHERS = {id: 'others', label: 'others', sentence: 'causes that took less time each'}

const addTally = (a: Tally, b: Tally): Tally => ({
  ...a,
  gaps: a.gaps + b.gaps,
  ns: a.ns + b.ns,
  maxNs: Math.max(a.maxNs, b.maxNs),
})

/** The counts of [bucket, count] pairs. Pure. */
export function histogramOf(pairs: CpuRecord['histogram']): Histogram {
  const histogram = emptyHistogram()
  for (const [bucket, count] of pairs) histogram[bucket] = (histogram[bucket] ?? 0) + count
  return histogram
}

/** Both are in ascending order of the buckets, and so is the sum. */
function mergeBuckets(a: CpuRecord['histogram'], b: CpuRecord['histogram']): CpuRecord['histogram'] {
  const sum: CpuRecord['histogram'] = []
  for (let at = 0, other = 0; at < a.length || other < b.length; ) {
    const [one, two] = [a[at], b[other]]
    const [first, second] = [one?.[0] ?? Number.POSITIVE_INFINITY, two?.[0] ?? Number.POSITIVE_INFINITY]
    sum.push([
      Math.min(first, second),
      (first <= second ? (one?.[1] ?? 0) : 0) + (second <= first ? (two?.[1] ?? 0) : 0),
    ])
    if (first <= second) at++
    if (second <= first) other++
  }
  return sum
}

type Cells = Series['cpus'][number]

/**
 * The series with one more interval, which ended `endMs` after the start. Its values stand in the
 * cell of its middle; the other cells that it covers were watched as well.
 */
function withCells(series: Series, record: CpuRecord, endMs: number): Series {
  const {cellMs} = series
  const fromMs = Math.max(0, endMs - record.ns / 1e6)
  const middle = Math.floor((fromMs + endMs) / 2 / cellMs)
  const last = Math.max(middle, Math.floor(endMs / cellMs - 0.5))
  if (last >= CELLS) return withCells({cellMs: cellMs * 2, cpus: series.cpus.map(halved)}, record, endMs)
  const {cpu, maxNs, over} = record
  const cells: Cells = series.cpus.find((each) => each.cpu === cpu) ?? {cpu, maxNs: [], over: []}
  const grown = {cpu, maxNs: [...cells.maxNs], over: [...cells.over]}
  for (let at = Math.max(0, Math.ceil(fromMs / cellMs - 0.5)); at <= last; at++)
    for (const values of [grown.maxNs, grown.over]) put(values, at, (was) => was)
  put(grown.maxNs, middle, (was) => Math.max(was, maxNs))
  put(grown.over, middle, (was) => was + over)
  return {cellMs, cpus: [...series.cpus.filter((each) => each.cpu !== cpu), grown]}
}

/** Cells before `at` that nothing was watched in are null. */
function put(cells: (number | null)[], at: number, update: (was: number) => number): void {
  while (cells.length <= at) cells.push(null)
  cells[at] = update(cells[at] ?? 0)
}

function halved({cpu, maxNs, over}: Cells): Cells {
  const pairs = (cells: readonly (number | null)[], join: (a: number, b: number) => number) =>
    Array.from({length: Math.ceil(cells.length / 2)}, (_, at) => {
      const [a = null, b = null] = cells.slice(2 * at, 2 * at + 2)
      return a === null ? b : b === null ? a : join(a, b)
    })
  return {cpu, maxNs: pairs(maxNs, Math.max), over: pairs(over, (a, b) => a + b)}
}
