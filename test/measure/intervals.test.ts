// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {BUCKETS} from '../../src/measure/histogram.ts'
import {checkIsolation, endIntervals, type Measuring} from '../../src/measure/measure.ts'
import {ASKED_AT, spinnerClock} from '../../src/measure/shared-record.ts'

/** The memory that a spinner shares, and what the spinner does with it (native/lib/gaps.h). */
function sharing() {
  const half = Math.ceil(((10 + 2 * 16 + BUCKETS) * 8) / 64) * 64
  const bytes = new Uint8Array(192 + 2 * half)
  const words = new DataView(bytes.buffer)
  const write = (at: number, value: bigint) => words.setBigUint64(at, value, true)
  write(0, 0x3173_7061_676c_7369n)
  write(8, BigInt(bytes.length))
  write(16, 1_000_000_000n) // ticks per second
  return {
    bytes,
    asked: () => words.getBigUint64(ASKED_AT, true),
    /** End the interval that began at `begin`, in which the longest gap was `longest`. */
    end: (index: bigint, {begin, end, longest}: {begin: bigint; end: bigint; longest: bigint}) => {
      const at = 192 + Number((index - 1n) % 2n) * half
      write(at, begin)
      write(at + 8, end)
      write(at + 48, longest)
      write(at + 56, end)
      write(128, index)
    },
  }
}

type Machine = Parameters<typeof endIntervals>[0]

function machine(memory: Uint8Array, files: Readonly<Record<string, string>> = {}): Machine {
  let ms = 0
  return {
    bytes: async () => memory,
    read: async (path: string) => files[path],
    live: {
      now: () => new Date(ms).toISOString(),
      monotonicMs: () => ms,
      sleep: async (time: number) => {
        ms += time
      },
      poke: async (_path: string, at: number, bytes: Uint8Array) => memory.set(bytes, at),
    },
  } as unknown as Machine
}

function measuring(bytes: Uint8Array): Measuring {
  const nothing = {} as Measuring['base']
  const anchor = {ticks: 0n, wallMs: 0, monotonicMs: 0}
  return {
    ...{cpu: 2, pid: 7, path: '/memory', clock: spinnerClock(bytes)},
    ...{asked: 0n, taken: 0n, earlier: nothing, base: nothing, anchor},
  }
}

test('an interval that ended late, with its gap, is read before the next one is asked for', async () => {
  const {bytes, asked, end} = sharing()
  const [host, each, lost] = [machine(bytes), measuring(bytes), new Map<number, string>()]
  expect(await endIntervals(host, [each], lost)).toEqual([])
  end(1n, {begin: 0n, end: 2_000_000_000n, longest: 1_500_000_000n}) // after the reader gave up
  const [late] = await endIntervals(host, [each], lost)
  expect(asked()).toBe(1n)
  expect(late?.spun.max.ticks).toBe(1_500_000_000)
  await endIntervals(host, [each], lost)
  expect({asked: asked(), taken: each.taken}).toEqual({asked: 2n, taken: 1n})
})

test('the time of the counter is renewed by an answer, and not by one that came late', async () => {
  const {bytes, end} = sharing()
  const [host, each, lost] = [machine(bytes), measuring(bytes), new Map<number, string>()]
  const answering: Machine = {
    ...host,
    live: {
      ...host.live,
      poke: async (...poke) => {
        await host.live.poke(...poke)
        end(each.asked, {begin: 0n, end: each.asked * 1000n, longest: 0n})
      },
    },
  }
  await endIntervals(answering, [each], lost)
  await host.live.sleep(1000)
  await endIntervals(answering, [each], lost)
  expect(each.anchor).toEqual({ticks: 2000n, wallMs: 1000, monotonicMs: 1000})
  await endIntervals(host, [each], lost)
  end(3n, {begin: 2000n, end: 3000n, longest: 0n})
  expect(await endIntervals(host, [each], lost)).toHaveLength(1)
  expect(each.anchor.ticks).toBe(2000n)
})

test.each([
  ['state: isolated\n', undefined],
  [undefined, 'its isolation record cannot be read'],
  ['state: lost\ncause: tick\n', 'isolation ended: timer interrupt'],
])('a spinner whose isolation record is %j', async (text, reason) => {
  const {bytes} = sharing()
  const lost = new Map<number, string>()
  const host = machine(bytes, text === undefined ? {} : {'/proc/7/task_isolation': text})
  await checkIsolation(host, [measuring(bytes)], lost)
  expect(lost.get(2)).toBe(reason)
})
