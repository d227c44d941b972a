// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import {expect, test} from 'vitest'
import {mergeConfigs, overrideConfig, parseConfig} from '../../../src/kernel/build/config-file.ts'

test('reads settings, and both forms of off', () => {
  const text =
    'CONFIG_A=y\n# a comment\n# CONFIG_B is not set\nCONFIG_C=n\nCONFIG_D="-isolctl"\nCONFIG_E=16\n'
  expect([...parseConfig(text)]).toEqual([
    ['A', 'y'],
    ['B', 'n'],
    ['C', 'n'],
    ['D', '"-isolctl"'],
    ['E', '16'],
  ])
  expect(() => parseConfig('CONFIG_A=y\nCONFIG_B y\n')).toThrow(/line 2/)
})

test('a later fragment wins', () => {
  const merged = mergeConfigs([
    parseConfig('CONFIG_A=y\nCONFIG_B=y\n'),
    parseConfig('# CONFIG_A is not set\n'),
  ])
  expect(Object.fromEntries(merged)).toEqual({A: 'n', B: 'y'})
})

test('after an override every wanted symbol has its value, and no other changes', () => {
  const config = fc.dictionary(
    fc.stringMatching(/^[A-Z0-9_]{1,8}$/),
    fc.constantFrom('y', 'm', 'n', '7', '"x"'),
  )
  const write = (symbols: Record<string, string>) => overrideConfig('', new Map(Object.entries(symbols)))
  fc.assert(
    fc.property(config, config, (before, wanted) => {
      const after = parseConfig(overrideConfig(write(before), new Map(Object.entries(wanted))))
      expect(Object.fromEntries(after)).toEqual({...before, ...wanted})
    }),
  )
})
