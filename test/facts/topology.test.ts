// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {gatherer} from '../../src/facts/fact.ts'
import {sharing, topology} from '../../src/facts/topology.ts'
import {memoryHost} from '../../src/host/memory.ts'

type Files = Readonly<Record<string, string>>

const CPU = '/sys/devices/system/cpu'

/** One file of the topology of each CPU; undefined: the file is not there. */
const perCpu = (name: string, values: readonly (string | undefined)[]): Files =>
  Object.fromEntries(
    values.flatMap((value, cpu) => (value === undefined ? [] : [[`${CPU}/cpu${cpu}/${name}`, `${value}\n`]])),
  )
const of = (name: string, ...values: readonly (string | undefined)[]) => perCpu(`topology/${name}`, values)
const ONLINE = {[`${CPU}/online`]: '0-3\n'}

const socketsOf = async (files: Files) =>
  (await gatherer(memoryHost({...ONLINE, ...files}))(topology)).map(({socket}) => socket)

const NO_ID = of('physical_package_id', '-1', '-1', '-1', '-1')
const TWO = ['0-1', '0-1', '2-3', '2-3'] as const

test.for<readonly [string, Files, readonly (number | undefined)[]]>([
  ['by the number of the kernel', of('physical_package_id', '36', '36', '7', '7'), [36, 36, 7, 7]],
  ['by package_cpus_list, for -1', {...NO_ID, ...of('package_cpus_list', ...TWO)}, [0, 0, 1, 1]],
  ['by core_siblings_list, without a number', of('core_siblings_list', ...TWO), [0, 0, 1, 1]],
  ['by core_siblings', {...NO_ID, ...of('core_siblings', '3', '3', 'c', 'c')}, [0, 0, 1, 1]],
  ['by package_cpus', of('package_cpus', '00000003', '00000003', '0000000c', '0000000c'), [0, 0, 1, 1]],
  [
    'a device tree with one socket',
    {...NO_ID, ...of('core_siblings_list', '0-3', '0-3', '0-3', '0-3')},
    [0, 0, 0, 0],
  ],
  [
    's390: the same number in two books',
    {...of('physical_package_id', '1', '1', '1', '1'), ...of('book_id', '1', '1', '2', '2')},
    [0, 0, 1, 1],
  ],
  [
    's390: the same numbers in two drawers',
    {
      ...of('physical_package_id', '1', '1', '1', '1'),
      ...of('book_id', '1', '2', '1', '2'),
      ...of('drawer_id', '0', '0', '1', '1'),
    },
    [0, 1, 2, 3],
  ],
  [
    's390: its own number for each',
    {...of('physical_package_id', '3', '3', '4', '4'), ...of('book_id', '1', '1', '2', '2')},
    [3, 3, 4, 4],
  ],
  [
    'a number for some CPUs only',
    {...of('physical_package_id', '5', '-1', '6', undefined), ...of('core_siblings_list', ...TWO)},
    [5, 5, 6, 6],
  ],
  [
    'an offline CPU, which has no topology',
    of('physical_package_id', '0', '0', '1', undefined),
    [0, 0, 1, undefined],
  ],
  ['not reported', NO_ID, [undefined, undefined, undefined, undefined]],
])('sockets: %s', async ([, files, expected]) => {
  expect(await socketsOf(files)).toEqual(expected)
})

test('books and drawers are reported', async () => {
  const files = {...ONLINE, ...of('book_id', '1', '1', '2', '2'), ...of('drawer_id', '0', '0', '0', '0')}
  expect((await gatherer(memoryHost(files))(topology)).at(-1)).toMatchObject({book: 2, drawer: 0})
})

const cache = (index: number, level: number, file: string, ...values: readonly string[]): Files => ({
  ...perCpu(
    `cache/index${index}/level`,
    values.map(() => `${level}`),
  ),
  ...perCpu(`cache/index${index}/${file}`, values),
})

test.for<readonly [string, Files, readonly string[]]>([
  [
    'lists',
    {
      ...cache(0, 1, 'shared_cpu_list', '0', '1', '2', '3'),
      ...cache(2, 2, 'shared_cpu_list', ...TWO),
      ...cache(3, 3, 'shared_cpu_list', '0-3', '0-3', '0-3', '0-3'),
    },
    ['l2 0-1 l3 0-3', 'l2 0-1 l3 0-3', 'l2 2-3 l3 0-3', 'l2 2-3 l3 0-3'],
  ],
  ['masks', cache(3, 3, 'shared_cpu_map', '3', '3', 'c', 'c'), ['l3 0-1', 'l3 0-1', 'l3 2-3', 'l3 2-3']],
  ['clusters', of('cluster_cpus_list', ...TWO), ['cluster 0-1', 'cluster 0-1', 'cluster 2-3', 'cluster 2-3']],
  ['nothing', {}, []],
])('what CPUs share: %s', async ([, files, expected]) => {
  const found = await gatherer(memoryHost({...ONLINE, ...of('core_id', '0', '1', '2', '3'), ...files}))(
    sharing,
  )
  expect(
    [...found.values()].map((each) =>
      Object.entries(each)
        .map(([what, cpus]) => `${what} ${cpus}`)
        .join(' '),
    ),
  ).toEqual(expected)
})

test('a machine without CPUs is an error', async () => {
  const none = gatherer(memoryHost({[`${CPU}/kernel_max`]: '8191\n'}))(topology)
  await expect(none).rejects.toThrow(`${CPU} has no CPU`)
})
