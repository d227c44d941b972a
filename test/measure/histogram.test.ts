// SPDX-License-Identifier: MIT
import {execaSync} from 'execa'
import fc from 'fast-check'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {
  BUCKETS,
  bucketOf,
  emptyHistogram,
  filledBuckets,
  lowestOf,
  percentile,
} from '../../src/measure/histogram.ts'
import {endedIntervals, lastInterval, spinnerClock} from '../../src/measure/shared-record.ts'
import {type Workshop, workshop} from '../launch/compile.ts'

const word = fc.bigInt({min: 0n, max: 2n ** 64n - 1n})
/** Values of every magnitude: a plain random number of 64 bits is nearly always a large one. */
const value = fc.tuple(word, fc.integer({min: 0, max: 63})).map(([bits, shift]) => bits >> BigInt(shift))

test('a value lies in its bucket, and a bucket is at most 1/16 wide', () => {
  fc.assert(
    fc.property(value, (at) => {
      const bucket = bucketOf(at)
      expect(bucket).toBeLessThan(BUCKETS)
      const [low, next] = [BigInt(lowestOf(bucket)), BigInt(lowestOf(bucket + 1))]
      expect(low <= at && at < next).toBe(true)
      expect((next - low) * 16n <= (low > 16n ? low : 16n)).toBe(true)
    }),
  )
})

describe('the histogram of the spinner', () => {
  let shop: Workshop
  let program: string
  beforeAll(async () => {
    shop = await workshop()
    program = await shop.compile('test/measure/fixtures/gaps.c', 'gaps')
  }, 60_000)
  afterAll(() => shop[Symbol.asyncDispose]())

  const feed = (args: string[], values: readonly bigint[]) =>
    execaSync(program, args, {input: values.join('\n'), encoding: 'buffer'}).stdout as Uint8Array

  test('has the buckets of this one', () => {
    const edges = Array.from({length: 64}, (_, bit) => 2n ** BigInt(bit)).flatMap((at) => [
      at - 1n,
      at,
      at + 1n,
    ])
    const values = [...edges, ...fc.sample(value, 5000), 2n ** 64n - 1n]
    const buckets = Buffer.from(feed(['bucket'], values))
      .toString()
      .trim()
      .split('\n')
      .map(Number)
    expect(buckets).toEqual(values.map(bucketOf))
  })

  test('is read with its sums, its longest gaps and the counts of a reference', () => {
    const gap = fc
      .tuple(fc.integer({min: 0, max: 2 ** 40}), fc.integer({min: 0, max: 36}))
      .map(([n, by]) => n / 2 ** by)
    fc.assert(
      fc.property(fc.array(gap, {maxLength: 200}), fc.integer({min: 1, max: 2 ** 30}), (gaps, threshold) => {
        const ticks = gaps.map(Math.floor)
        const spun = lastInterval(feed(['share', `${threshold}`], ticks.map(BigInt)))
        const reference = emptyHistogram()
        for (const each of ticks) {
          const bucket = bucketOf(BigInt(each))
          reference[bucket] = (reference[bucket] ?? 0) + 1
        }
        const over = ticks.filter((each) => each >= threshold).sort((a, b) => b - a)
        const sum = (of: readonly number[]) => of.reduce((a, b) => a + b, 0)
        expect(filledBuckets(spun.histogram)).toEqual(filledBuckets(reference))
        expect(spun).toMatchObject({
          samples: ticks.length,
          over: over.length,
          overTicks: sum(over),
          ticks: sum(ticks) + 100,
          turn: 7,
          backwards: 0,
          max: {ticks: Math.max(0, ...ticks)},
        })
        expect(spun.worst.map(({ticks}) => ticks)).toEqual(over.slice(0, 16))
      }),
      {numRuns: 30},
    )
  }, 60_000)

  test('does not count a counter that goes back', () => {
    const bytes = feed(['share', '10'], [5n, 2n ** 64n - 3n, 50n])
    expect(lastInterval(bytes)).toMatchObject({samples: 2, backwards: 1, max: {ticks: 50, before: 100}})
    expect(spinnerClock(bytes)).toEqual({hertz: 2e9, cost: 40})
    expect(endedIntervals(bytes)).toBe(1n)
  })

  test('of another size or content is refused', () => {
    const bytes = feed(['share', '10'], [5n])
    expect(() => lastInterval(bytes.subarray(0, 100))).toThrow('not the record')
    expect(() => lastInterval(new Uint8Array(bytes.length))).toThrow('not the record')
  })
})

describe('a percentile', () => {
  const of = (...pairs: [bucket: number, count: number][]) => {
    const histogram = emptyHistogram()
    for (const [bucket, count] of pairs) histogram[bucket] = count
    return histogram
  }
  test('is the end of the bucket that holds it', () => {
    expect(percentile(of([10, 9990], [400, 10]), 0.999)).toBe(11)
    expect(percentile(of([10, 9989], [400, 11]), 0.999)).toBe(lowestOf(401))
  })
  test('is unknown if fewer than ten samples lie beyond it', () => {
    expect(percentile(of([10, 9999]), 0.999)).toBeUndefined()
    expect(percentile(of([10, 10_000]), 0.999)).toBe(11)
    expect(percentile(of([10, 10_000]), 0.9999)).toBeUndefined()
    expect(percentile(emptyHistogram(), 0.999)).toBeUndefined()
  })
})
