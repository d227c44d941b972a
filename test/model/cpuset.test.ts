// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import {describe, expect, it, test} from 'vitest'
import {CpuSet} from '../../src/model/cpuset.ts'

const cpus = fc.uniqueArray(fc.nat(1023), {maxLength: 200}).map((numbers) => CpuSet.from(numbers))

test.for([
  ['0-3,8', [0, 1, 2, 3, 8]],
  ['', []],
  [' 5\n', [5]],
  ['0-31:2/8', [0, 1, 8, 9, 16, 17, 24, 25]],
  ['3,1,2,2', [1, 2, 3]],
] as const)('the cpulist "%s"', ([text, numbers]) => {
  expect([...CpuSet.parse(text)]).toEqual(numbers)
})

test.for(['4-2', 'a', '1-', '-1', '0-3:2/0', '0-3:5/2', '0x3', '1 2', '99999', '0-4000000000'])(
  'is not a cpulist: "%s"',
  (text) => {
    expect(() => CpuSet.parse(text)).toThrow(RangeError)
  },
)

test.for([
  ['ff,ffffffff', '0-39'],
  ['f\n', '0-3'],
  ['00000000,00000000', ''],
  ['80000000,00000001', '0,63'],
] as const)('the cpumask "%s"', ([mask, list]) => {
  expect(`${CpuSet.fromMask(mask)}`).toBe(list)
})

test.for(['', 'xyz', '0-3'])('is not a cpumask: "%s"', (text) => {
  expect(() => CpuSet.fromMask(text)).toThrow(RangeError)
})

describe('laws', () => {
  it('equals the set parsed from its text forms', () => {
    fc.assert(fc.property(cpus, (set) => CpuSet.parse(`${set}`).equals(set)))
    fc.assert(fc.property(cpus, (set) => CpuSet.fromMask(set.toMask()).equals(set)))
  })
  it('is the union of its intersection with another set and its difference', () => {
    fc.assert(
      fc.property(cpus, cpus, (a, b) => {
        expect(a.intersect(b).union(a.minus(b)).equals(a)).toBe(true)
        expect(a.minus(b).intersect(b).isEmpty).toBe(true)
        expect(a.intersect(b).isSubsetOf(a)).toBe(true)
      }),
    )
  })
})

test.for(['2-3,', ',2-3', '2,,3', '2-', '0-31:2/8', '+1', '1 2', '\u0663'])(
  'the kernel never printed the cpulist "%s"',
  (text) => {
    expect(() => CpuSet.printed(text)).toThrow('not a cpulist')
  },
)

test('a printed cpulist is read as any', () => {
  for (const text of ['', '\n', '3', '0-3,8\n'])
    expect(CpuSet.printed(text).equals(CpuSet.parse(text))).toBe(true)
})

test.for(['ffffffff,ffff', '1,1', 'f,', ',ffffffff', '1ffffffff,ffffffff'])(
  'a mask with a group that was cut is none: "%s"',
  (text) => {
    expect(() => CpuSet.fromMask(text)).toThrow('not a cpumask')
  },
)

test.for([
  ['3,0', '32-33'],
  ['0,c\n', '2-3'],
  ['1,0,1', '0,64'],
  ['ff,ffffffff', '0-39'],
  ['c', '2-3'],
] as const)('a person wrote the cpumask "%s"', ([mask, list]) => {
  expect(`${CpuSet.fromWrittenMask(mask)}`).toBe(list)
})

test.for(['', '3,', ',3', '3,,0', '0x3', '1,fffffffff', '3, 0'])('nobody writes the cpumask "%s"', (text) => {
  expect(() => CpuSet.fromWrittenMask(text)).toThrow('not a cpumask')
})
