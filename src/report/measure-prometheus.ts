// SPDX-License-Identifier: MIT
import {lowestOf} from '../measure/histogram.ts'
import type {MeasureReport} from '../schema/measure.ts'
import {exposition, type Family} from './prometheus.ts'

/** Upper bounds of the buckets in seconds: 1, 2 and 5 of each decade from 100 ns to 10 s. */
const BOUNDS = [-7, -6, -5, -4, -3, -2, -1, 0].flatMap((power) =>
  [1, 2, 5].map((digit) => Number(`${digit}e${power}`)),
)

/**
 * A measurement for the textfile collector, in the text format 0.0.4, with a classic histogram of
 * the gaps. Pure.
 */
export function measurePrometheus(report: MeasureReport): string {
  const {cpus, asked, spinners, start, measuredMs, verdict} = report
  const perCpu = (value: (cpu: (typeof cpus)[number]) => number) =>
    cpus.map((cpu) => ({labels: {cpu: cpu.cpu}, value: value(cpu)}))
  const families: readonly Family[] = [
    ['measure_start_seconds', 'When the measurement began.', [{value: Date.parse(start) / 1000}]],
    ['measure_seconds', 'For how long the CPUs were watched.', [{value: measuredMs / 1000}]],
    [
      'measure_verdict',
      '0 ok, 1 a gap was longer than --fail-over, 3 something could not be seen.',
      [{value: {ok: 0, over: 1, unknown: 3}[verdict]}],
    ],
    ['measure_threshold_seconds', 'Gaps from here on are counted.', [{value: asked.thresholdNs / 1e9}]],
    ['measure_max_gap_seconds', 'The longest gap.', perCpu(({maxNs}) => maxNs / 1e9)],
    ['measure_gaps_over_threshold', 'Gaps of at least the threshold.', perCpu(({over}) => over)],
    [
      'measure_cause_seconds',
      'Time of the gaps of at least the threshold, by cause.',
      cpus.flatMap(({cpu, causes}) =>
        causes.map(({id, label, ns}) => ({labels: {cpu, cause: id, what: label}, value: ns / 1e9})),
      ),
    ],
    [
      'measure_gap_seconds',
      'Time between two passes of the loop, without the cost of a pass.',
      cpus.flatMap(({cpu, histogram, samples}) => {
        const hertz = spinners.find((spinner) => spinner.cpu === cpu)?.tickHz ?? Number.NaN
        // A bucket counts where all of it is below the bound.
        const below = (bound: number) =>
          histogram.reduce(
            (sum, [bucket, count]) => (lowestOf(bucket + 1) / hertz <= bound ? sum + count : sum),
            0,
          )
        const sum = histogram.reduce((sum, [bucket, count]) => sum + (lowestOf(bucket) / hertz) * count, 0)
        return [
          ...BOUNDS.map((bound) => ({suffix: '_bucket', labels: {cpu, le: `${bound}`}, value: below(bound)})),
          {suffix: '_bucket', labels: {cpu, le: '+Inf'}, value: samples},
          {suffix: '_sum', labels: {cpu}, value: sum},
          {suffix: '_count', labels: {cpu}, value: samples},
        ]
      }),
      'histogram',
    ],
  ]
  return exposition(families)
}
