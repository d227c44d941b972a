// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {firstLine, intervalLine, readJournal} from '../../src/measure/journal.ts'
import {CELLS, emptyRun, type Interval, mergeRecords, type Run, withInterval} from '../../src/measure/run.ts'
import type {CpuRecord} from '../../src/schema/measure.ts'
import {head, record} from './records.ts'

const START = Date.parse('2026-11-22T11:00:00.000Z')
const second = (index: number, ...cpus: CpuRecord[]): Interval => ({atMs: START + (index + 1) * 1000, cpus})
const tally = (label: string, ns: number) => ({id: 'x', label, sentence: 'did it', gaps: 1, ns, maxNs: ns})
const gap = (ns: number) => ({ns, at: '2026-11-22T11:00:00.500Z', id: 'x', label: 'x', sentence: 'did it'})

const some = fc
  .record({
    samples: fc.nat(1e9),
    over: fc.nat(100),
    maxNs: fc.nat(1e9),
    stealMs: fc.nat(100),
    worst: fc.array(fc.nat(1e9).map(gap), {maxLength: 16}),
    causes: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(1e6)).map(([l, n]) => tally(l, n))),
    histogram: fc.uniqueArray(fc.tuple(fc.nat(975), fc.integer({min: 1, max: 1e6})), {selector: ([b]) => b}),
    interrupts: fc.dictionary(fc.constantFrom('LOC', 'RES', '24'), fc.nat(1000)),
  })
  .map((changes) =>
    mergeRecords(record({...changes, histogram: [...changes.histogram].sort(([a], [b]) => a - b)})),
  )

test('it does not matter how records are merged', () => {
  const sorted = (one: CpuRecord) => ({
    ...one,
    causes: [...one.causes].sort((a, b) => (a.label < b.label ? -1 : 1)),
  })
  fc.assert(
    fc.property(some, some, some, (a, b, c) => {
      expect(sorted(mergeRecords(mergeRecords(a, b), c))).toEqual(sorted(mergeRecords(a, mergeRecords(b, c))))
    }),
  )
})

test('a counter that was not read once is not known for the whole', () => {
  const {switches, waitedNs: _waited, throttled: _throttled, softirqs: _soft, ...rest} = record()
  expect(switches).toBe(0)
  const merged = mergeRecords(record({switches: 3, waitedNs: 7}), rest)
  expect(merged).not.toHaveProperty('switches')
  expect(merged).not.toHaveProperty('waitedNs')
  expect(merged).not.toHaveProperty('throttled')
  expect(merged).not.toHaveProperty('softirqs')
})

describe('a run of 24 hours', () => {
  test('takes no more memory than one of an hour', () => {
    const noisy = (index: number) =>
      record({
        over: 20,
        overNs: 20_000 * (index % 97),
        maxNs: 20_000 + index,
        worst: Array.from({length: 16}, (_, at) => gap(20_000 + ((index * 31 + at) % 9973))),
        causes: Array.from({length: 4}, (_, at) => tally(`task [${index * 4 + at}]`, 1000 + at)),
        histogram: Array.from({length: 12}, (_, at): [number, number] => [(index % 90) + at * 80, 1]),
      })
    let run: Run = emptyRun(START)
    let afterHour = 0
    for (let index = 0; index < 24 * 3600; index++) {
      run = withInterval(run, second(index, index % 30 === 0 ? noisy(index) : record()))
      if (index === 3599) afterHour = firstLine(head(), run).length
    }
    const {worst, causes, samples, over} = run.cpus.get(2) ?? record()
    expect({worst: worst.length, causes: causes.length}).toEqual({worst: 16, causes: 64})
    expect(samples).toBe(24 * 3600 * 50_000_000)
    expect(over).toBe(24 * 120 * 20)
    expect(causes.reduce((sum, {gaps}) => sum + gaps, 0)).toBe(24 * 120 * 4)
    expect(run.series.cpus[0]?.maxNs.length).toBeLessThanOrEqual(CELLS)
    // Numbers grow by digits only.
    expect(firstLine(head(), run).length).toBeLessThan(afterHour * 1.5)
  }, 120_000)
})

describe('the series', () => {
  test('doubles its cells when they are full, and keeps sums and maxima', () => {
    let run = emptyRun(START)
    for (let index = 0; index < CELLS + 1; index++)
      run = withInterval(run, second(index, record({maxNs: index, over: 1})))
    expect(run.series.cellMs).toBe(2000)
    const [cells] = run.series.cpus
    expect(cells?.maxNs).toHaveLength(CELLS / 2 + 1)
    expect(cells?.maxNs.slice(0, 3)).toEqual([1, 3, 5])
    expect(cells?.over.slice(0, 3)).toEqual([2, 2, 2])
  })
  test('says of a time without an interval that nothing was watched', () => {
    const run = withInterval(withInterval(emptyRun(START), second(0, record())), second(3, record()))
    expect(run.series.cpus[0]?.maxNs).toEqual([300, null, null, 300])
  })
  test('an interval that was longer than a cell covers the cells in it', () => {
    const run = withInterval(emptyRun(START), second(2, record({ns: 3_000_000_000, over: 4})))
    expect(run.series.cpus[0]).toEqual({cpu: 2, maxNs: [0, 300, 0], over: [0, 4, 0]})
  })
})

describe('the journal', () => {
  const intervals = Array.from({length: 5}, (_, index) =>
    second(index, record({maxNs: 1000 + index, over: 1})),
  )
  const run = intervals.reduce(withInterval, emptyRun(START))
  const text = firstLine(head(), emptyRun(START)) + intervals.map(intervalLine).join('')

  test('holds the run', () => {
    expect(readJournal(text, 'x')).toEqual({head: head(), run, lost: 0})
  })
  test('may begin in the middle of the run', () => {
    const [one, two, ...rest] = intervals
    const begun = [one, two].flatMap((each) => each ?? []).reduce(withInterval, emptyRun(START))
    expect(readJournal(firstLine(head(), begun) + rest.map(intervalLine).join(''), 'x').run).toEqual(run)
  })
  test('cut anywhere, it holds every whole interval before', () => {
    const first = firstLine(head(), emptyRun(START)).length
    const near = [...text.matchAll(/\n/g)].flatMap(({index}) => [index - 1, index, index + 1, index + 2])
    const every = Array.from({length: Math.ceil(text.length / 101)}, (_, part) => part * 101)
    for (const at of [...near, ...every].filter((at) => at >= first && at <= text.length)) {
      const cut = text.slice(0, at)
      const whole = cut.split('\n').length - 2
      const read = readJournal(cut, 'x')
      expect(read.run).toEqual(intervals.slice(0, whole).reduce(withInterval, emptyRun(START)))
      expect(read.lost).toBe(0)
    }
  })
  test('cut in its first line, it is refused', () => {
    const first = firstLine(head(), emptyRun(START)).length
    for (let at = 0; at < first - 1; at += 7)
      expect(() => readJournal(text.slice(0, at), 'x')).toThrow('x: not the journal of a measurement')
  })
  test('with a damaged line in the middle, it ends there', () => {
    const lines = text.split('\n')
    lines[3] = lines[3]?.replace('"atMs"', '"atMz"') ?? ''
    const read = readJournal(lines.join('\n'), 'x')
    expect(read.lost).toBe(3)
    expect(read.run.cpus.get(2)?.over).toBe(2)
  })
  test('with zeroes at its end, as after a power cut, it holds the rest', () => {
    const read = readJournal(text + '\0'.repeat(4096), 'x')
    expect(read).toMatchObject({run, lost: 0})
  })
})
