// SPDX-License-Identifier: MIT

import fc from 'fast-check'
import {describe, expect, it, test} from 'vitest'
import {type CpuWorld, parseCpuWords} from '../../src/model/cpu-words.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import type {Cpu} from '../../src/model/topology.ts'

/**
 * Two nodes of two cores with SMT; the second threads are numbered after all first threads. CPU 6
 * is offline.
 */
const cpus: readonly Cpu[] = [0, 1, 2, 3, 4, 5, 6, 7].map((cpu) => ({
  cpu,
  online: cpu !== 6,
  socket: 0,
  ...(cpu === 6 ? {} : {node: Math.floor((cpu % 4) / 2), siblings: CpuSet.of(cpu % 4, (cpu % 4) + 4)}),
}))
const world: CpuWorld = {
  cpus,
  kinds: {performance: CpuSet.parse('0-1,4-5'), efficient: CpuSet.parse('2-3,7')},
}
const on = (text: string, where = world) => `${parseCpuWords(text).on(where)}`

test.for([
  ['2-3', '2-3'],
  ['6', '6'], // a number: the check for online CPUs comes later
  ['2-N', '2-5,7'],
  ['2-n', '2-5,7'],
  ['0-N:1/2', '0,2,4'],
  ['N', '7'],
  ['all', '0-5,7'],
  ['all but 0', '1-5,7'],
  ['all but the first core of each node', '1,3,5,7'],
  ['all but first core of each node', '1,3,5,7'],
  ['All  but the FIRST cores of each node', '1,3,5,7'],
  ['the last core of each node', '1,3,5,7'],
  ['the first 2 cores of each node', '0-5,7'],
  ['the first cpu of each core', '0-3'],
  ['the last cpu of each core', '2,4-5,7'],
  ['the first cpu of each socket', '0'],
  ['node 1', '2-3,7'],
  ['nodes 0-1 but 0,4', '1-3,5,7'],
  ['socket 0', '0-5,7'],
  ['performance cores but 0,4', '1,5'],
  ['efficient cores and 1', '1-3,7'],
  ['all but node 0 and 1', '1-3,7'],
] as const)('%s is %s', ([text, expected]) => {
  expect(on(text)).toBe(expected)
})

test.for([
  ['', 'not a set of CPUs: ""'],
  ['yes please', 'not a set of CPUs'],
  ['2-', 'not a cpulist'],
  ['5-2', 'runs backwards'],
  ['5-N:9/2', 'not a set of CPUs'],
  ['all but', 'not a set of CPUs: "all but"'],
  ['but 2', 'not a set of CPUs'],
  ['all or 2', 'not a set of CPUs'],
  ['the first 0 cores of each node', 'selects no CPU'],
  ['the first core of each cluster', 'not a set of CPUs'],
  ['node x', 'not a set of CPUs'],
] as const)('%s is refused without a machine', ([text, why]) => {
  expect(() => parseCpuWords(text)).toThrow(why)
})

describe('a machine without such CPUs', () => {
  const bare: CpuWorld = {cpus: [0, 1].map((cpu) => ({cpu, online: true}))}
  test.for([
    ['node 3', world, 'no node 3; it has 0, 1'],
    ['9-N', world, 'runs backwards'],
    ['performance cores', bare, 'does not have two kinds'],
    ['the first core of each node', bare, 'does not report which CPUs share a core with CPU 0'],
    [
      'the first cpu of each node',
      {
        cpus: [
          {cpu: 0, online: true, node: 0},
          {cpu: 1, online: true},
        ],
      },
      'does not report the node of CPU 1',
    ],
  ] as const)('%s', ([text, where, why]) => {
    expect(() => parseCpuWords(text).on(where)).toThrow(why)
  })
  it('is one node without NUMA', () => {
    expect(on('the first cpu of each node', bare)).toBe('0')
  })
})

it('a plain list is the same on every machine', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({min: 0, max: 300}), {minLength: 1}), (numbers) => {
      const set = CpuSet.from(numbers)
      const words = parseCpuWords(`${set}`)
      expect(words.plain?.equals(set)).toBe(true)
      expect(words.on(world).equals(set)).toBe(true)
    }),
  )
})

test.for<[text: string, message: string]>([
  ['010', '"010" has a leading zero; write 10'],
  ['1,000', '"000" has a leading zero; write 0'],
  ['01-03', '"01" has a leading zero; write 1'],
  ['0x0c', '"0x0c" is a mask; for its CPUs write 2-3'],
  ['0,0000000c', '"0,0000000c" is a mask; for its CPUs write 2-3'],
])('%s is refused with what was probably meant', ([text, message]) => {
  expect(() => parseCpuWords(text)).toThrow(message)
})
test.for(['0', '0,2', '10-20', '0-100:10/20'])('%s has no leading zero', (text) => {
  expect(parseCpuWords(text).plain).toBeDefined()
})
