// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {type Fact, gatherer} from '../../src/facts/fact.ts'
import {nodes} from '../../src/facts/nodes.ts'
import {topology} from '../../src/facts/topology.ts'
import {memoryHost} from '../../src/host/memory.ts'

const CPU = '/sys/devices/system/cpu'
const NODE = '/sys/devices/system/node'
const FOUR = {
  [`${CPU}/online`]: '0-3\n',
  [`${CPU}/present`]: '0-3\n',
  ...Object.fromEntries([0, 1, 2, 3].map((cpu) => [`${CPU}/cpu${cpu}/topology/core_id`, `${cpu}\n`])),
}

type Files = Readonly<Record<string, string>>

const read = <T>(fact: Fact<T>, files: Files): Promise<T> => gatherer(memoryHost({...FOUR, ...files}))(fact)

const nodesOf = async (files: Files) =>
  [...(await read(nodes, files))].map(([node, cpus]) => `${node}: ${cpus}`)

const placesOf = async (files: Files) => (await read(topology, files)).map(({node}) => node)

test.for<readonly [string, Files]>([
  ['lists', {[`${NODE}/node0/cpulist`]: '0-1\n', [`${NODE}/node1/cpulist`]: '2-3\n'}],
  ['lists that end in NUL', {[`${NODE}/node0/cpulist`]: '0-1\n\0', [`${NODE}/node1/cpulist`]: '2-3\n\0'}],
  [
    'links to the CPUs, without lists and masks',
    {
      ...Object.fromEntries([0, 1].map((cpu) => [`${NODE}/node0/cpu${cpu}/x`, ''])),
      ...Object.fromEntries([2, 3].map((cpu) => [`${NODE}/node1/cpu${cpu}/x`, ''])),
    },
  ],
  ['masks, without lists', {[`${NODE}/node0/cpumap`]: '3\n', [`${NODE}/node1/cpumap`]: '0000000c\n\0'}],
])('nodes and topology read the same: %s', async ([, files]) => {
  expect(await nodesOf(files)).toEqual(['0: 0-1', '1: 2-3'])
  expect(await placesOf(files)).toEqual([0, 0, 1, 1])
})

test('a node without CPUs is left out', async () => {
  const files = {[`${NODE}/node0/cpulist`]: '0-3\n', [`${NODE}/node1/cpulist`]: '\n'}
  expect(await nodesOf(files)).toEqual(['0: 0-3'])
})

test('a node whose CPUs are not listed is unknown to nodes, and absent from topology', async () => {
  const files = {[`${NODE}/node0/cpulist`]: '0-1\n', [`${NODE}/node1/distance`]: '21 10\n'}
  await expect(nodesOf(files)).rejects.toThrow(`${NODE}/node1/cpulist does not exist`)
  expect(await placesOf(files)).toEqual([0, 0, undefined, undefined])
})

test('a list that cannot be read is named with its path', async () => {
  const files = {[`${NODE}/node0/cpulist`]: 'x\n'}
  await expect(nodesOf(files)).rejects.toThrow(`${NODE}/node0/cpulist: not a cpulist`)
  await expect(placesOf(files)).rejects.toThrow(`${NODE}/node0/cpulist: not a cpulist`)
})

test('CPUs without a link to their node get it from the lists, beside CPUs with one', async () => {
  const files = {
    [`${CPU}/cpu0/node0/x`]: '',
    [`${NODE}/node0/cpumap`]: '3\n',
    [`${NODE}/node1/cpumap`]: 'c\n',
  }
  expect(await placesOf(files)).toEqual([0, 0, 1, 1])
})

test('nodes that overlap are reported as they are, and each CPU is in one of them', async () => {
  const files = {[`${NODE}/node0/cpulist`]: '0-3\n', [`${NODE}/node1/cpulist`]: '2-3\n'}
  expect(await nodesOf(files)).toEqual(['0: 0-3', '1: 2-3'])
  expect(await placesOf(files)).toEqual([0, 0, 0, 0])
})

test('a node that is offline is left out', async () => {
  const files = {
    [`${NODE}/online`]: '0\n',
    [`${NODE}/node0/cpulist`]: '0-3\n',
    [`${NODE}/node1/distance`]: '21 10\n',
  }
  expect(await nodesOf(files)).toEqual(['0: 0-3'])
})
