// SPDX-License-Identifier: MIT

/** One figure of a benchmark. */
export interface Row {
  readonly what: string
  readonly value: number
  /** Seconds ("s"), per cent, or the thing that is counted. */
  readonly unit: 's' | '%' | 'instructions' | 'times'
  /** The comparison and its result, or how the figure was measured. */
  readonly ratio?: string
}

/** Options of a subject on the command line. */
export interface Options {
  /** Path of a kernel configuration. */
  readonly kconfig?: string
  /** Length of a measurement, in seconds. */
  readonly seconds?: number
}

/** Measures one subject. Throws if it cannot be measured. */
export type Measure = (options: Options) => Promise<readonly Row[]>

export interface Subject {
  readonly measures: string
  /** What a run costs: its time, and its effect on the machine. */
  readonly load: string
  /** The goal of scripts/bootstrap.sh that installs the packages. */
  readonly packages: 'node' | 'lab' | 'package'
  readonly options?: readonly (keyof Options)[]
  readonly measure: Measure
}
