// SPDX-License-Identifier: MIT
/** What a page consists of, before it is written as HTML, Markdown or a picture. */

export interface Table {
  readonly caption: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** A line of a histogram: its buckets in ascending order, those that are empty left out. */
export interface Line {
  readonly name: string
  /** A line for comparison is drawn dashed. */
  readonly base?: boolean
  /** "bucket" is the number of the bucket: neighbours are joined, across an empty one nothing is. */
  readonly points: readonly {readonly bucket: number; readonly ns: number; readonly count: number}[]
}

export type Chart =
  | {readonly kind: 'histogram'; readonly lines: readonly Line[]; readonly thresholdNs: number}
  | {
      readonly kind: 'heat'
      readonly rows: readonly string[]
      readonly columns: readonly string[]
      /** The longest gap of each row and column, in nanoseconds; null where nothing was watched. */
      readonly cells: readonly (readonly (number | null)[])[]
      readonly thresholdNs: number
    }
  | {readonly kind: 'bars'; readonly bars: readonly {readonly name: string; readonly ns: number}[]}

export type Block =
  | {readonly text: string}
  | {readonly list: readonly string[]}
  | {readonly table: Table}
  /** A picture, and the same as a table for those who do not see it. */
  | {readonly chart: Chart; readonly title: string; readonly table: Table}

export interface Section {
  readonly title: string
  readonly blocks: readonly Block[]
}

/** The whole page. The sentence says what matters; everything else explains it. */
export interface Page {
  readonly title: string
  readonly sentence: string
  readonly sections: readonly Section[]
}
