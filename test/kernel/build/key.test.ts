// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {type Ingredients, keyOf} from '../../../src/kernel/build/key.ts'

const ingredients: Ingredients = {
  source: 's',
  series: 'p',
  config: new Map([
    ['A', 'y'],
    ['B', 'n'],
  ]),
  modules: '',
  format: 'deb',
  compiler: 'gcc 1',
}

test('the key of a package is that of earlier versions: their builds are found', () => {
  expect(keyOf(ingredients)).toBe('029fab792b26ae00c2e5aad1f90341cd')
})

test.for([
  {source: 'other'},
  {series: 'other'},
  {config: new Map([['A', 'y']])},
  {modules: 'Module Size Used by\n'},
  {format: 'bzImage'},
  {compiler: 'gcc 2'},
] as const)('another kernel: %j', (change) => {
  expect(keyOf({...ingredients, ...change})).not.toBe(keyOf(ingredients))
})
