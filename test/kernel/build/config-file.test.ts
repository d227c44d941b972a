// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import {expect, test} from 'vitest'
import {
  lostSymbols,
  lostSymbolsError,
  mergeConfigs,
  overrideConfig,
  parseConfig,
} from '../../../src/kernel/build/config-file.ts'
import {UserError} from '../../../src/lib/errors.ts'

test('reads settings, and off in both of its forms', () => {
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

test('later fragments win', () => {
  const merged = mergeConfigs([
    parseConfig('CONFIG_A=y\nCONFIG_B=y\n'),
    parseConfig('# CONFIG_A is not set\n'),
  ])
  expect(Object.fromEntries(merged)).toEqual({A: 'n', B: 'y'})
})

test('a lost symbol is one whose value is not what was asked; off and absent are the same', () => {
  const wanted = parseConfig(
    'CONFIG_ON=y\nCONFIG_GONE=y\nCONFIG_OFF=n\n# CONFIG_FORCED is not set\nCONFIG_N=4\n',
  )
  const final = parseConfig('CONFIG_ON=y\nCONFIG_FORCED=y\nCONFIG_N=8\n')
  const lost = lostSymbols(wanted, final)
  expect(lost.map(({symbol}) => symbol)).toEqual(['GONE', 'FORCED', 'N'])
  const error = lostSymbolsError(lost)
  expect(error).toBeInstanceOf(UserError)
  expect(error.message).toContain('CONFIG_GONE (wanted y, got n)')
  expect(error.message).toContain('CONFIG_N (wanted 4, got 8)')
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
