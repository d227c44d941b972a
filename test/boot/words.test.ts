// SPDX-License-Identifier: MIT

import fc from 'fast-check'
import {expect, it, test} from 'vitest'
import {parseCmdline} from '../../src/boot/cmdline.ts'
import {mergeLine, requirePlain, sameWord} from '../../src/boot/words.ts'

const WANTED = ['isolcpus=domain,2-3', 'nohz_full=2-3']

test.for([
  ['ro quiet', 'ro quiet isolcpus=domain,2-3 nohz_full=2-3'],
  ['ro  quiet \n', 'ro  quiet isolcpus=domain,2-3 nohz_full=2-3 \n'],
  ['', 'isolcpus=domain,2-3 nohz_full=2-3'],
  ['\n', 'isolcpus=domain,2-3 nohz_full=2-3\n'],
  // It is there with another spelling.
  ['ro nohz-full=2-3 quiet', 'ro nohz-full=2-3 quiet isolcpus=domain,2-3'],
  ['nohz_full=1 ro nohz_full=2-3', 'ro nohz_full=2-3 isolcpus=domain,2-3'],
  ['isolcpus=1 isolcpus=2 ro', 'ro isolcpus=domain,2-3 nohz_full=2-3'],
  ['ro -- single', 'ro isolcpus=domain,2-3 nohz_full=2-3 -- single'],
  [
    'ro dyndbg="file a.c +p" $tuned_params',
    'ro dyndbg="file a.c +p" $tuned_params isolcpus=domain,2-3 nohz_full=2-3',
  ],
] as const)('%j becomes %j', ([line, expected]) => {
  expect(mergeLine(line, WANTED)).toBe(expected)
})

it('refuses a line that ends inside a quote', () => {
  expect(() => mergeLine('ro a="b', WANTED)).toThrow('have an open quote')
})

it('removes only words that are no longer wanted', () => {
  expect(mergeLine('ro isolcpus=5 nohz_full=5 quiet', ['isolcpus=6'], ['nohz_full=5', 'isolcpus=5'])).toBe(
    'ro quiet isolcpus=6',
  )
})

const word = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9_.]{0,6}(=[a-z0-9,:/-]{0,8})?$/),
  fc.constantFrom('nohz_full=1', 'isolcpus=domain,2-3', 'a="b c"', '$tuned_params', '--', '"x y"'),
)
const line = fc
  .array(fc.tuple(fc.constantFrom(' ', '  ', '\t'), word))
  .map((words) => words.map(([gap, text]) => gap + text).join(''))

it('has each wanted argument once, keeps the other words in order, and is idempotent', () => {
  fc.assert(
    fc.property(line, (text) => {
      const merged = mergeLine(text, WANTED)
      expect(mergeLine(merged, WANTED)).toBe(merged)
      const {args, init} = parseCmdline(merged)
      for (const wanted of WANTED) expect(args.filter(({text}) => sameWord(text, wanted))).toHaveLength(1)
      const foreign = (cmdline: string) =>
        parseCmdline(cmdline)
          .args.filter(({name}) => name !== 'isolcpus' && name !== 'nohz_full')
          .map(({text}) => text)
      expect(foreign(merged)).toEqual(foreign(text))
      expect(init).toEqual(parseCmdline(text).init)
    }),
  )
})

test.for(['a b', "a='x'", 'a;b', 'a$b', 'a"b', 'a&b', 'a#b', '{', '', '--', 'ä', 'a\nb'])(
  '%j is refused',
  (odd) => {
    expect(() => requirePlain(['quiet', odd])).toThrow('not a boot argument')
  },
)

it('accepts all forms of a CPU list', () => {
  requirePlain(['isolcpus=nohz,domain,managed_irq,0-31:2/4', 'nohz_full=2-N', 'rcutree.x=all'])
})
