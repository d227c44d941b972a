// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {coreKinds, coreTypes} from '../../src/facts/core-kinds.ts'
import {type Fact, gatherer} from '../../src/facts/fact.ts'
import {memoryHost} from '../../src/host/memory.ts'

const CPU = '/sys/devices/system/cpu'
const FOUR = {
  [`${CPU}/online`]: '0-3\n',
  [`${CPU}/present`]: '0-3\n',
}

type Files = Readonly<Record<string, string>>

const [CORE, ATOM, LOWPOWER] = ['cpu_core', 'cpu_atom', 'cpu_lowpower']
const pmu = (name: string | undefined, cpus: string, folder = '/sys/devices') => ({
  [`${folder}/${name}/cpus`]: `${cpus}\n`,
})

const read = <T>(fact: Fact<T>, files: Files): Promise<T> => gatherer(memoryHost({...FOUR, ...files}))(fact)

const PMUS = {'/sys/devices/cpu_core/cpus': '0-1\n', '/sys/devices/cpu_atom/cpus': '2-3\n\0'}
const rated = (...ratings: readonly number[]): Files =>
  Object.fromEntries(ratings.map((rating, cpu) => [`${CPU}/cpu${cpu}/cpu_capacity`, `${rating}\n`]))

test.for<readonly [string, Files, readonly string[], boolean]>([
  ['PMUs', PMUS, ['cpu_core 0-1', 'cpu_atom 2-3'], true],
  ['one PMU', {'/sys/devices/cpu_core/cpus': '0-3\n'}, ['cpu_core 0-3'], false],
  ['speeds', rated(1024, 1024, 446, 446), ['performance 0-1', 'efficient 2-3'], true],
  ['one speed', rated(1024, 1024, 1000, 1024), [], false],
  ['nothing', {}, [], false],
])('kinds of cores by %s', async ([, files, types, both]) => {
  const found = [...((await read(coreTypes, files)) ?? [])]
  expect(found.map(([kind, cpus]) => `${kind} ${cpus}`)).toEqual(types)
  const kinds = await read(coreKinds, files)
  expect(kinds && [`${kinds.performance}`, `${kinds.efficient}`]).toEqual(both ? ['0-1', '2-3'] : undefined)
})

test.for<readonly [string, Files, readonly [string, string] | undefined]>([
  [
    'low-power cores are slower ones',
    {...pmu(CORE, '0-1'), ...pmu(ATOM, '2'), ...pmu(LOWPOWER, '3')},
    ['0-1', '2-3'],
  ],
  ['low-power cores beside fast ones only', {...pmu(CORE, '0-1'), ...pmu(LOWPOWER, '2-3')}, ['0-1', '2-3']],
  [
    'low-power cores beside efficient ones only',
    {...pmu(ATOM, '0-1'), ...pmu(LOWPOWER, '2-3')},
    ['0-1', '2-3'],
  ],
  [
    'low-power cores that are also listed as efficient',
    {...pmu(CORE, '0-1'), ...pmu(ATOM, '2-3'), ...pmu(LOWPOWER, '3')},
    ['0-1', '2-3'],
  ],
  [
    'a PMU on the bus only',
    {
      ...pmu(CORE, '0-1', '/sys/bus/event_source/devices'),
      ...pmu(LOWPOWER, '2-3', '/sys/bus/event_source/devices'),
    },
    ['0-1', '2-3'],
  ],
  ['three speeds', rated(1024, 800, 300, 300), ['0', '1-3']],
])('%s', async ([, files, expected]) => {
  const kinds = await read(coreKinds, files)
  expect(kinds && [`${kinds.performance}`, `${kinds.efficient}`]).toEqual(expected)
})
