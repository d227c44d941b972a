// SPDX-License-Identifier: MIT
import {rm} from 'node:fs/promises'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {parseConfig} from '../../../src/kernel/build/config-file.ts'
import {holds, type Kconfig, readKconfig} from '../../../src/kernel/build/kconfig-language.ts'
import {writeKconfigFiles} from './kconfig-files.ts'

let box: string
let kconfig: Kconfig
beforeAll(async () => {
  box = await writeKconfigFiles()
  kconfig = await readKconfig(box)
})
afterAll(() => rm(box, {recursive: true}))

test('finds the symbols of the files, and none in their help texts', () => {
  expect([...kconfig.symbols.keys()].sort()).toEqual(
    [
      'AFTER',
      'COMPILED',
      'FORCED',
      'FORCED_ELSEWHERE',
      'HIDDEN',
      'INNER',
      'ONE',
      'PICKY',
      'TWO',
      'WANTED',
      'X86',
    ].sort(),
  )
})

test.for([
  ['A', true],
  ['M', true],
  ['N', false],
  ['!A', false],
  ['!M', true],
  ['A && N || M', true],
  ['A && (N || M)', true],
  ['N = n', true],
  ['VERSION >= 120000 && VERSION < 130000', true],
  ['VERSION < 120000', false],
  ['NAME = "gcc"', true],
  ["NAME != 'gcc'", false],
  ['A = m', false],
  ['$(success,true)', undefined],
  ['N && $(success,true)', false],
  ['A || $(success,true)', true],
  ['A && $(success,true)', undefined],
  ['y', true],
] as const)('%s', ([expression, value]) => {
  const config = parseConfig('CONFIG_A=y\nCONFIG_M=m\nCONFIG_VERSION=120200\nCONFIG_NAME="gcc"\n')
  expect(holds(expression, config)).toBe(value)
})
