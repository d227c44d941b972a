// SPDX-License-Identifier: MIT
import parsePrometheus from 'parse-prometheus-text-format'
import {describe, expect, test} from 'vitest'
import {emptyRun, withInterval} from '../../src/measure/run.ts'
import {formatNs, type MeasureOutcome, measureReport, renderMeasure} from '../../src/report/measure.ts'
import {measurePrometheus} from '../../src/report/measure-prometheus.ts'
import {type CpuRecord, MeasureSchema} from '../../src/schema/measure.ts'
import {head, record} from '../measure/records.ts'

const START = Date.parse('2026-11-22T11:00:00.000Z')
const WHOLE = {cpu: 2, tickHz: 2e9, wholeTickHz: 2e9, smi: 0, aperf: 3e9, mperf: 2e9}

const outcome = (seen: Partial<CpuRecord>, changes: Partial<MeasureOutcome> = {}): MeasureOutcome => ({
  head: head({failOverNs: 20_000}),
  run: withInterval(emptyRun(START), {atMs: START + 1000, cpus: [record(seen)]}),
  whole: [WHOLE],
  lost: new Map(),
  ...changes,
})
const verdict = (...of: Parameters<typeof outcome>) => {
  const {verdict, unknown} = measureReport(outcome(...of))
  return {verdict, unknown}
}

describe('the verdict', () => {
  test('is ok if all was seen and no gap was longer', () => {
    expect(verdict({maxNs: 20_000})).toEqual({verdict: 'ok', unknown: []})
  })
  test('is over for a longer gap', () => {
    expect(verdict({maxNs: 20_001}).verdict).toBe('over')
  })
  test.each<[string, Partial<CpuRecord>, Partial<MeasureOutcome>]>([
    ['watched for 1 s, and not', {ns: 999_999_999}, {}],
    ['CPU 2 was taken away: its spinner was found on CPU 5', {movedTo: 5}, {}],
    ['the time stamp counter went back 1 time', {backwards: 1, maxNs: 90_000}, {}],
    ['not constant: 2000000000 Hz, then 2010000000 Hz', {}, {whole: [{...WHOLE, wholeTickHz: 2.01e9}]}],
    ['too few for p99.999', {samples: 100_000, histogram: [[0, 100_000]]}, {}],
    [
      'the spinner ended before the run did',
      {},
      {lost: new Map([[2, 'the spinner ended before the run did']])},
    ],
    ['CPU 2: nothing was recorded', {}, {run: emptyRun(START)}],
    [
      'the clock source is hpet',
      {},
      {head: {...head({failOverNs: 20_000}), host: {name: 'lab', clocksource: 'hpet'}}},
    ],
    ['1 line of the journal is damaged', {}, {cut: 'recovered', damaged: 1}],
    [
      'whether isolation lasted',
      {},
      {cut: 'recovered', head: {...head({failOverNs: 20_000}), isolate: true}},
    ],
    [
      'CPU 2: watched for 1 s, and CPU 3 for 4 s',
      {},
      {
        cut: 'interrupted',
        head: head({failOverNs: 20_000, cpus: '2-3'}),
        run: withInterval(emptyRun(START), {
          atMs: START + 4000,
          cpus: [record({ns: 1e9}), record({cpu: 3, ns: 4e9})],
        }),
      },
    ],
  ])('is unknown: %s', (reason, seen, changes) => {
    const {verdict: found, unknown} = verdict(seen, changes)
    expect(found).toBe('unknown')
    expect(unknown.join('\n')).toContain(reason)
  })
  test('of a run that was cut short is that of a shorter run', () => {
    expect(verdict({ns: 5e8}, {cut: 'interrupted'}).verdict).toBe('ok')
    expect(verdict({ns: 5e8, maxNs: 30_000}, {cut: 'interrupted'}).verdict).toBe('over')
  })
})

test('a percentile without enough samples has no value, but what it needs', () => {
  const {cpus} = measureReport(outcome({samples: 100_000, histogram: [[0, 100_000]]}))
  expect(cpus[0]?.percentiles).toEqual([
    {share: 0.999, ns: 1},
    {share: 0.9999, ns: 1},
    {share: 0.99999, needs: 1_000_000},
  ])
  expect(
    renderMeasure(measureReport(outcome({samples: 100_000, histogram: [[0, 100_000]]})), {width: 100}),
  ).toMatch(/^2 +0 +1 ns +1 ns +\? /m)
})

test('what cannot be read is named, and has no value', () => {
  const {throttled: _t, waitedNs: _w, softirqs: _s, ...seen} = record()
  const run = withInterval(emptyRun(START), {atMs: START + 1000, cpus: [seen]})
  const report = measureReport(outcome({}, {run, whole: [{...WHOLE, smi: 'EPERM', aperf: 'EPERM'}]}))
  expect(report.notSeen.map(({what}) => what)).toEqual([
    'system management interrupts',
    'frequency',
    'thermal throttling',
    'softirqs',
    'waiting time',
  ])
  for (const key of ['smi', 'ghz', 'throttled', 'softirqs', 'waitedNs'])
    expect(report.cpus[0]).not.toHaveProperty(key)
  expect(measureReport(outcome({})).cpus[0]).toMatchObject({smi: 0, ghz: 3})
})

test('the report has its published form', () => {
  const worst = [{ns: 25_000, at: '2026-11-22T11:00:00.500Z', id: 'x', label: 'irq 24', sentence: 'fired'}]
  const report = measureReport(outcome({maxNs: 25_000, over: 1, worst}))
  expect(MeasureSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report)
  const text = renderMeasure(report, {width: 100})
  expect(text).toContain('Failed: the longest gap is 25.0 us on CPU 2, over 20.0 us.')
  expect(text).toMatch(/^2 +1 .* 25\.0 us +11:00:00\.500 +irq 24$/m)
})

test('Prometheus reads the histogram, whose buckets only grow', () => {
  const families = parsePrometheus(measurePrometheus(measureReport(outcome({}))))
  const histogram = families.find(({name}) => name === 'isolctl_measure_gap_seconds')
  expect(histogram?.type).toBe('HISTOGRAM')
  const [metric] = (histogram?.metrics ?? []) as unknown as {buckets: Record<string, string>}[]
  const counts = Object.entries(metric?.buckets ?? {})
    .sort(([a], [b]) => Number(a.replace('+Inf', 'Infinity')) - Number(b.replace('+Inf', 'Infinity')))
    .map(([, count]) => Number(count))
  expect(counts).toHaveLength(25)
  expect(counts.every((count, at) => count >= (counts[at - 1] ?? 0))).toBe(true)
  expect(measurePrometheus(measureReport(outcome({})))).toContain(
    'isolctl_measure_gap_seconds_count{cpu="2"} 50000000\n',
  )
  expect(Number(metric?.buckets['+Inf'])).toBe(50_000_000)
})

test.each([
  [0, '0 ns'],
  [999, '999 ns'],
  [21_300, '21.3 us'],
  [5_020_000, '5.02 ms'],
  [1.2e9, '1.20 s'],
])('%d ns is %s', (ns, text) => expect(formatNs(ns)).toBe(text))
