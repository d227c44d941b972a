// SPDX-License-Identifier: MIT
import {BUCKETS, emptyHistogram, type Histogram} from './histogram.ts'

/**
 * The memory that isol-spin shares under --share (native/lib/gaps.h: struct gaps_share). All of it
 * consists of 64-bit words.
 */
const WORD = 8
const LINE = 64
const MAGIC = 0x3173_7061_676c_7369n
const WORST = 16
const HEAD_WORDS = 10 // of struct gaps_interval
const HALF_BYTES = roundUp((HEAD_WORDS + 2 * WORST + BUCKETS) * WORD)
const ENDED_AT = 2 * LINE
const HALVES_AT = 3 * LINE
const SIZE = HALVES_AT + 2 * HALF_BYTES

/** Where the reader writes the number of intervals that it wants ended: a 64-bit word. */
export const ASKED_AT = LINE

/** A time for which the CPU did not run the spinner. */
export interface Gap {
  readonly ticks: number
  /** Ticks from the end of the gap to the end of its interval. */
  readonly before: number
}

/** What the spinner recorded in one interval. Times are in ticks of its counter. */
export interface SpunInterval {
  /** The counter at its end. */
  readonly end: bigint
  /** From the first to the last pass of the loop. */
  readonly ticks: number
  /** After the interval, in which the next one was prepared: the first gap of that one. */
  readonly turn: number
  readonly samples: number
  /** Gaps of at least the threshold. */
  readonly over: number
  readonly overTicks: number
  readonly max: Gap
  /** How often the counter went back: it is not a clock. */
  readonly backwards: number
  /** The longest gaps of at least the threshold, longest first: 16 at most. */
  readonly worst: readonly Gap[]
  readonly histogram: Histogram
}

export interface SpinnerClock {
  /** Ticks per second. */
  readonly hertz: number
  /** Ticks of an undisturbed pass, which are subtracted from every gap. */
  readonly cost: number
}

/** The number of intervals that have ended. Throws Error for another content. Pure. */
export function endedIntervals(bytes: Uint8Array): bigint {
  return view(bytes).getBigUint64(ENDED_AT, true)
}

/** Throws Error for another content. Pure. */
export function spinnerClock(bytes: Uint8Array): SpinnerClock {
  const words = view(bytes)
  return {hertz: Number(words.getBigUint64(2 * WORD, true)), cost: Number(words.getBigUint64(3 * WORD, true))}
}

/** The interval that ended last. Throws Error if none has ended, or for another content. Pure. */
export function lastInterval(bytes: Uint8Array): SpunInterval {
  const ended = endedIntervals(bytes)
  if (ended === 0n) throw new Error('the spinner has ended no interval')
  const words = view(bytes)
  const at = HALVES_AT + Number((ended - 1n) % 2n) * HALF_BYTES
  const exact = (word: number) => words.getBigUint64(at + word * WORD, true)
  const number = (word: number) => Number(exact(word))
  const end = exact(1)
  const gap = (word: number): Gap => ({ticks: number(word), before: Number(end - exact(word + 1))})
  const histogram = emptyHistogram()
  for (let bucket = 0; bucket < BUCKETS; bucket++) histogram[bucket] = number(HEAD_WORDS + 2 * WORST + bucket)
  return {
    end,
    ticks: Number(end - exact(0)),
    turn: number(2),
    samples: number(3),
    over: number(4),
    overTicks: number(5),
    max: number(6) === 0 ? {ticks: 0, before: 0} : gap(6),
    backwards: number(8),
    worst: Array.from({length: Math.min(number(9), WORST)}, (_, index) => gap(HEAD_WORDS + 2 * index)).sort(
      (a, b) => b.ticks - a.ticks,
    ),
    histogram,
  }
}

function view(bytes: Uint8Array): DataView {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (
    bytes.byteLength !== SIZE ||
    words.getBigUint64(0, true) !== MAGIC ||
    words.getBigUint64(WORD, true) !== BigInt(SIZE)
  )
    throw new Error('not the record of a spinner of this version')
  return words
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / LINE) * LINE
}
