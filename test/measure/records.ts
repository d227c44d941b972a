// SPDX-License-Identifier: MIT
import type {CpuRecord, MeasureHead} from '../../src/schema/measure.ts'

/** A record of one quiet second of a CPU, with these differences. */
export const record = (changes: Partial<CpuRecord> = {}): CpuRecord => ({
  cpu: 2,
  ns: 1_000_000_000,
  turnNs: 200,
  samples: 50_000_000,
  over: 0,
  overNs: 0,
  maxNs: 300,
  maxAt: '2026-11-22T11:00:00.500Z',
  backwards: 0,
  worst: [],
  causes: [],
  histogram: [
    [0, 49_999_000],
    [120, 1000],
  ],
  interrupts: {},
  softirqs: {},
  switches: 0,
  waitedNs: 0,
  stealMs: 0,
  throttled: 0,
  ...changes,
})

export const head = (changes: Partial<MeasureHead['asked']> = {}): MeasureHead => ({
  isolctl: '0.1.0',
  host: {name: 'lab', kernel: '6.12.48', clocksource: 'tsc'},
  start: '2026-11-22T11:00:00.000Z',
  policy: 'other',
  isolate: false,
  asked: {cpus: '2', ms: 1000, thresholdNs: 10_000, ...changes},
  spinners: [{cpu: 2, tickHz: 2_000_000_000, loopNs: 20}],
})
