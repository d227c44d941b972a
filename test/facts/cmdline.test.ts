// SPDX-License-Identifier: MIT

import fc from 'fast-check'
import {describe, expect, it, test} from 'vitest'
import {parseCmdline, valuesOf} from '../../src/boot/cmdline.ts'

const args = (text: string) => parseCmdline(text).args.map(({name, value}) => [name, value])

test.for([
  [
    'quiet ro\n',
    [
      ['quiet', undefined],
      ['ro', undefined],
    ],
  ],
  [
    '  a=1   b=2 ',
    [
      ['a', '1'],
      ['b', '2'],
    ],
  ],
  ['root=UUID=12-34', [['root', 'UUID=12-34']]],
  ['nohz-full=2-3', [['nohz_full', '2-3']]],
  [
    'isolcpus=nohz,domain,2-3 isolcpus=4',
    [
      ['isolcpus', 'nohz,domain,2-3'],
      ['isolcpus', '4'],
    ],
  ],
  [
    'dyndbg="file ec.c +p" x',
    [
      ['dyndbg', 'file ec.c +p'],
      ['x', undefined],
    ],
  ],
  [
    '"dyndbg=file ec.c +p" x',
    [
      ['dyndbg', 'file ec.c +p'],
      ['x', undefined],
    ],
  ],
  [
    "isolcpus='2-3 4'",
    [
      ['isolcpus', "'2-3"],
      ["4'", undefined],
    ],
  ],
  ['a=b"c d"e', [['a', 'b"c d"e']]],
  ['a=', [['a', '']]],
  ['a="', [['a', '']]],
  ['""', [['', undefined]]],
  ['=x', [['=x', undefined]]],
  ['=x=y', [['=x', 'y']]],
  ['a="open to the end', [['a', 'open to the end']]],
  ['', []],
] as const)('parses %j as the kernel does', ([text, expected]) => {
  expect(args(text)).toEqual(expected)
})

describe('the end of the list', () => {
  it('is "--": init gets the words after it', () => {
    const {args, init} = parseCmdline('ro nohz_full=2-3 -- single nohz_full=1')
    expect(args.map((arg) => arg.text)).toEqual(['ro', 'nohz_full=2-3'])
    expect(init).toEqual(['single', 'nohz_full=1'])
  })

  it('is not "--=x" nor "__"', () => {
    expect(parseCmdline('__ --=x a').init).toEqual([])
  })
})

it('finds repeats in order, with "-" or "_" in the name', () => {
  const cmdline = parseCmdline('rcu_nocbs=1 quiet rcu-nocbs=2 rcu_nocbs')
  expect(valuesOf(cmdline, 'rcu-nocbs')).toEqual(['1', '2', ''])
  expect(valuesOf(cmdline, 'isolcpus')).toEqual([])
})

it('parses joined words as the same words', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9_.]{0,8}(=[a-z0-9,:/-]{0,12})?$/)
  fc.assert(
    fc.property(fc.array(word), (words) => {
      expect(parseCmdline(words.join(' ')).args.map((arg) => arg.text)).toEqual(words)
    }),
  )
})
