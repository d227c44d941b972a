// SPDX-License-Identifier: MIT

/**
 * A log-linear histogram of whole numbers below 2^64, as native/lib/gaps.h fills it: each power of
 * two is divided into 16 buckets, and the first 16 buckets hold one value each. A bucket is at most
 * 1/16 of its lower bound wide. Histograms of the same unit are merged by adding their counts.
 */
const SUB_BITS = 4
const SUB = 2 ** SUB_BITS
export const BUCKETS = (64 - SUB_BITS + 1) * SUB

/** The count of each bucket. */
export type Histogram = Float64Array

export const emptyHistogram = (): Histogram => new Float64Array(BUCKETS)

/** The bucket of a value. Pure. */
export function bucketOf(value: bigint): number {
  if (value < SUB) return Number(value)
  const exponent = value.toString(2).length - 1
  const sub = Number((value >> BigInt(exponent - SUB_BITS)) & BigInt(SUB - 1))
  return (exponent - SUB_BITS + 1) * SUB + sub
}

/** The lowest value of a bucket; of BUCKETS, the first number that no bucket holds. Pure. */
export function lowestOf(bucket: number): number {
  if (bucket < SUB) return bucket
  const octave = Math.floor(bucket / SUB)
  return (SUB + (bucket % SUB)) * 2 ** (octave - 1)
}

export const samplesOf = (histogram: Histogram): number => histogram.reduce((sum, count) => sum + count, 0)

/** Samples that must lie beyond a percentile: fewer of them are chance. */
const BEYOND = 10

/**
 * The value below which this share of the samples lies, rounded up to the end of its bucket.
 * Undefined if the samples are too few. Pure.
 */
export function percentile(histogram: Histogram, share: number): number | undefined {
  const samples = samplesOf(histogram)
  if (samples * (1 - share) < BEYOND * (1 - 1e-9)) return undefined
  const wanted = Math.ceil(samples * share)
  let seen = 0
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    seen += histogram[bucket] ?? 0
    if (seen >= wanted) return lowestOf(bucket + 1)
  }
  return undefined
}

/** How many samples a percentile needs. Pure. */
export const samplesNeeded = (share: number): number => Math.round(BEYOND / (1 - share))

/** [bucket, count] of each bucket that is not empty, in ascending order. Pure. */
export const filledBuckets = (histogram: Histogram): [bucket: number, count: number][] =>
  [...histogram].flatMap((count, bucket): [number, number][] => (count > 0 ? [[bucket, count]] : []))
