// SPDX-License-Identifier: MIT

/** One figure of a benchmark. */
export interface Row {
  readonly what: string
  readonly value: number
  /** Seconds ("s"), per cent, or what is counted. */
  readonly unit: 's' | '%' | 'instructions' | 'times'
  /** What the figure is compared with and the result, or how it was taken. */
  readonly ratio?: string
}

/** What a subject can be told on the command line. */
export interface Options {
  /** Path of a kernel configuration. */
  readonly kconfig?: string
  /** Length of a measurement. */
  readonly seconds?: number
}

/** Measures one subject. Throws when it could not be measured. */
export type Measure = (options: Options) => Promise<readonly Row[]>

export interface Subject {
  readonly measures: string
  /** What a run costs: time, and what it does to the machine. */
  readonly load: string
  /** The goal of scripts/bootstrap.sh that installs the packages. */
  readonly packages: 'node' | 'lab' | 'package'
  readonly options?: readonly (keyof Options)[]
  readonly measure: Measure
}
