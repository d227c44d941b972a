// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {burstsOf, compareRuns, gapsFrom, rateRatio, seenIn, shareBounds} from '../../src/measure/compare.ts'
import {bucketOf} from '../../src/measure/histogram.ts'
import {emptyRun, withInterval} from '../../src/measure/run.ts'
import {measureReport} from '../../src/report/measure.ts'
import type {CpuRecord, MeasureReport} from '../../src/schema/measure.ts'
import {head, record} from './records.ts'

const START = Date.parse('2026-11-22T11:00:00.000Z')
const WHOLE = {cpu: 2, tickHz: 2e9, wholeTickHz: 2e9, smi: 0, aperf: 3e9, mperf: 2e9}

/** Gaps of 2 ticks a nanosecond, beside a quiet loop. */
const withGaps = (gaps: readonly number[]): Partial<CpuRecord> => {
  const counts = new Map([[0, 49_999_000]])
  for (const ns of gaps) {
    const bucket = bucketOf(BigInt(ns * 2))
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
  }
  return {
    over: gaps.length,
    maxNs: Math.max(300, ...gaps),
    histogram: [...counts].sort(([a], [b]) => a - b),
  }
}

/** A run of these seconds, each with its gaps. */
function runOf(seconds: readonly (readonly number[])[], changes: {thresholdNs?: number} = {}): MeasureReport {
  const run = seconds.reduce(
    (sum, gaps, index) =>
      withInterval(sum, {atMs: START + (index + 1) * 1000, cpus: [record(withGaps(gaps))]}),
    emptyRun(START),
  )
  return measureReport({
    head: head({ms: seconds.length * 1000, ...changes}),
    run,
    whole: [WHOLE],
    lost: new Map(),
  })
}

const steady = (seconds: number, gaps: number, ns = 20_000) =>
  runOf(Array.from({length: seconds}, () => Array.from({length: gaps}, () => ns)))

/** Random numbers that are the same in every run of the test (xorshift). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const of = ({quantities}: ReturnType<typeof compareRuns>, name: string) =>
  quantities.find(({quantity}) => quantity === name)

describe('a run against a base', () => {
  test('that is itself is the same', () => {
    const run = steady(60, 3)
    expect(compareRuns(run, run).change).toBe('same')
    expect(compareRuns(run, run).quantities.every(({change}) => change === 'same')).toBe(true)
  })
  test('with more gaps is worse, and the other way round it is better', () => {
    const [few, many] = [steady(60, 1), steady(60, 3)]
    expect(compareRuns(few, many)).toMatchObject({change: 'worse'})
    expect(of(compareRuns(few, many), 'gaps')).toMatchObject({base: 3600, run: 10_800, change: 'worse'})
    expect(compareRuns(many, few)).toMatchObject({change: 'better'})
  })
  test('is judged by rates: twice the time with twice the gaps is the same', () => {
    expect(of(compareRuns(steady(60, 2), steady(120, 2)), 'gaps')?.change).toBe('same')
  })
  test('a few gaps more may be chance', () => {
    const quiet = Array.from({length: 60}, () => [])
    expect(
      of(compareRuns(runOf(quiet), runOf([...quiet.slice(2), [20_000], [20_000]])), 'gaps')?.change,
    ).toBe('same')
  })
  test('gaps that come in bursts prove less than as many that do not', () => {
    const bursts = (each: number) =>
      runOf(Array.from({length: 60}, (_, at) => (at % 20 === 0 ? Array(each).fill(20_000) : [])))
    expect(of(compareRuns(bursts(10), bursts(20)), 'gaps')?.change).toBe('same')
    // 30 and 60 gaps as well
    expect(of(compareRuns(steady(30, 1), steady(30, 2)), 'gaps')?.change).toBe('worse')
  })
  test('the longest gap of an hour and that of a minute are not compared', () => {
    const found = of(compareRuns(runOf([[20_000], []]), runOf([[90_000], [], [], []])), 'longest gap')
    expect(found).toMatchObject({base: 20_000, run: 90_000, change: 'unknown'})
    expect(found?.why).toContain('not equally long')
  })
  test('one longer gap in the same time may be chance, many are not', () => {
    const quiet = Array.from({length: 60}, () => [20_000])
    expect(of(compareRuns(runOf(quiet), runOf([...quiet.slice(1), [90_000]])), 'longest gap')?.change).toBe(
      'same',
    )
    expect(of(compareRuns(runOf(quiet), steady(60, 1, 90_000)), 'longest gap')?.change).toBe('worse')
  })
  test('a short run without gaps is no proof against a long base, and the other way round it is', () => {
    const hour = runOf(Array.from({length: 3600}, (_, at) => (at % 1200 === 0 ? [20_000] : [])))
    const second = runOf([[]])
    expect(compareRuns(hour, second)).toMatchObject({change: 'unknown'})
    expect(of(compareRuns(hour, second), 'gaps')?.why).toContain('shorter than the base')
    expect(compareRuns(runOf(Array(100).fill([])), second).change).toBe('unknown')
    expect(compareRuns(second, hour).change).toBe('same')
    expect(compareRuns(steady(3600, 9), steady(600, 9)).change).toBe('same')
  })
  test('a longest gap that is shorter is not worse, however often it came', () => {
    const rare = runOf([[200_000], ...Array.from({length: 99}, () => [])])
    const often = runOf(Array.from({length: 100}, () => Array(9).fill(100_000)))
    expect(of(compareRuns(rare, often), 'longest gap')?.change).toBe('same')
    expect(of(compareRuns(often, rare), 'longest gap')?.change).toBe('same')
    expect(of(compareRuns(rare, often), 'gaps')?.change).toBe('worse')
  })
  test('percentiles differ only if it matters, and not if the loops were not equally fast', () => {
    const loop = (bucket: number, samples = 50_000_000): MeasureReport => {
      const run = steady(1, 0)
      return {...run, cpus: run.cpus.map((cpu) => ({...cpu, samples, histogram: [[bucket, samples]]}))}
    }
    const p = (base: MeasureReport, run: MeasureReport) => of(compareRuns(base, run), 'p99.99')
    expect(p(loop(40), loop(42))?.change).toBe('same')
    expect(p(loop(100), loop(110))?.change).toBe('worse')
    expect(p(loop(110), loop(100))?.change).toBe('better')
    expect(p(loop(100), loop(110, 25_000_000))).toMatchObject({
      change: 'unknown',
      why: expect.stringContaining('not equally fast'),
    })
  })
  test('shows the percentile itself, and not a bound of it', () => {
    const run = steady(60, 3)
    const own = run.cpus[0]?.percentiles.find(({share}) => share === 0.99999)?.ns
    expect(Math.round(of(compareRuns(run, run), 'p99.999')?.run ?? 0)).toBe(own)
  })
  test('a percentile without enough samples on one side is not compared', () => {
    const short = steady(1, 0)
    const few: MeasureReport = {
      ...short,
      cpus: short.cpus.map((cpu) => ({...cpu, ns: cpu.ns / 1000, histogram: [[0, 50_000]]})),
    }
    expect(of(compareRuns(short, few), 'p99.999')).toMatchObject({change: 'unknown', run: undefined})
    expect(of(compareRuns(short, few), 'p99.9')?.change).toBe('same')
  })
  test('with another threshold is counted from the higher one', () => {
    const low = runOf(Array(100).fill([12_000, 40_000]))
    const high = {...steady(100, 1, 40_000), asked: {...low.asked, thresholdNs: 30_000}}
    expect(compareRuns(low, high)).toMatchObject({thresholdNs: 30_000})
    expect(of(compareRuns(low, high), 'gaps')).toMatchObject({base: 3600, run: 3600, change: 'same'})
  })
  test('is unknown if one of both did not see all, but worse if it is worse all the same', () => {
    const blind = (run: MeasureReport): MeasureReport => ({...run, verdict: 'unknown', unknown: ['x']})
    expect(compareRuns(steady(60, 1), blind(steady(60, 1))).change).toBe('unknown')
    expect(compareRuns(blind(steady(60, 1)), steady(60, 1)).change).toBe('unknown')
    expect(compareRuns(steady(60, 3), blind(steady(60, 1))).change).toBe('unknown')
    expect(compareRuns(steady(60, 1), blind(steady(60, 3))).change).toBe('worse')
    const nothing = {...steady(60, 1), cpus: []}
    expect(compareRuns(nothing, steady(60, 1)).change).toBe('unknown')
  })
  test('equal rates are called different in less than one of a hundred comparisons', () => {
    const next = random(7)
    const second = () => (next() < 0.3 ? [20_000] : [])
    const pairs = Array.from({length: 300}, () => {
      const [a, b] = [0, 1].map(() => runOf(Array.from({length: 60}, second)))
      return a && b ? of(compareRuns(a, b), 'gaps')?.change : undefined
    })
    expect(pairs.filter((change) => change !== 'same').length).toBeLessThan(3)
  })
})

test('the bounds of a share contain it, and get closer with the number of events', () => {
  for (const [first, second] of [
    [0, 5],
    [5, 0],
    [3, 9],
    [3000, 9000],
  ] as const) {
    const [low, high] = shareBounds(first, second)
    const share = second / (first + second)
    expect(low).toBeLessThanOrEqual(share + 1e-12)
    expect(high).toBeGreaterThanOrEqual(share - 1e-12)
    expect(low).toBeGreaterThanOrEqual(0)
    expect(high).toBeLessThanOrEqual(1)
  }
  expect(shareBounds(0, 0)).toEqual([0, 1])
  const width = ([low, high]: readonly [number, number]) => high - low
  expect(width(shareBounds(300, 900))).toBeLessThan(width(shareBounds(3, 9)))
})

test('a ratio of rates takes the times into account', () => {
  const [low, high] = rateRatio({count: 1000, ns: 1e9}, {count: 2000, ns: 2e9})
  expect(low).toBeLessThan(1)
  expect(high).toBeGreaterThan(1)
  expect(rateRatio({count: 1000, ns: 1e9}, {count: 2000, ns: 1e9})[0]).toBeGreaterThan(1.7)
  expect(rateRatio({count: 0, ns: 1e9}, {count: 3, ns: 1e9})[1]).toBe(Number.POSITIVE_INFINITY)
})

test('counts that vary more than by chance are bursts', () => {
  expect(burstsOf([2, 2, 2, 2])).toBe(1)
  expect(burstsOf([0, 0, 0, 8])).toBe(8)
  expect(burstsOf([])).toBe(1)
  expect(burstsOf([0, 0])).toBe(1)
})

test('gaps are counted over all CPUs, from the middle of a bucket', () => {
  const seen = seenIn(runOf([[12_000, 40_000], [40_000]]))
  expect(gapsFrom(seen, 10_000)).toBe(3)
  expect(gapsFrom(seen, 30_000)).toBe(2)
  expect(gapsFrom(seen, 50_000)).toBe(0)
  expect(seen.ns).toBe(2e9)
})
