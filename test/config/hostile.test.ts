// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {parseConfig} from '../../src/config/load.ts'
import {matches} from '../../src/config/sets.ts'
import {UserError} from '../../src/lib/errors.ts'

const SHADOW = 'root:$y$j9T$s3cretmark:19000:0:99999:7:::\nalice:$6$s3cretmark:19000:0:99999:7:::\n'
const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
for (let at = 0; at < 9; at++) {
  const [name, last] = ['bcdefghij'[at], 'abcdefghi'[at]]
  bomb.push(`${name}: &${name} [${Array(9).fill(`*${last}`).join(', ')}]`)
}

test.each([
  ['another file', SHADOW],
  ['a key', '-----BEGIN PRIVATE KEY-----\ns3cretmark\n-----END PRIVATE KEY-----\n'],
  ['an unknown alias', 'isolated: *s3cretmark\n'],
  ['aliases of aliases', bomb.join('\n')],
  ['deep nesting', '['.repeat(100_000)],
  ['deep nesting of maps', '{a: '.repeat(50_000)],
  ['a list of anchors', Array.from({length: 5000}, (_, at) => `k${at}: &k${at} 1`).join('\n')],
])('%s is refused quickly, in one line that does not quote it', (_, text) => {
  const start = performance.now()
  let error: unknown
  try {
    parseConfig(text, 'c.yaml')
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(UserError)
  expect(`${(error as UserError).message} ${(error as UserError).help}`).not.toContain('s3cretmark')
  expect((error as UserError).message).not.toContain('\n')
  expect(performance.now() - start).toBeLessThan(10_000)
})

test('"*" and "?" match as in a shell', () => {
  for (const [pattern, name, expected] of [
    ['rt-*', 'rt-07', true],
    ['rt-*', 'xrt-07', false],
    ['*', '', true],
    ['?', '', false],
    ['*-07', 'rt-07-07', true],
    ['r?-*7', 'rt-07', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['a.b', 'axb', false],
    ['', 'a', false],
  ] as const)
    expect([pattern, name, matches(pattern, name)]).toEqual([pattern, name, expected])
})

test('a class with thousands of "*" takes no time', () => {
  const start = performance.now()
  expect(matches(`${'*a'.repeat(2000)}b`, 'a'.repeat(4000))).toBe(false)
  expect(performance.now() - start).toBeLessThan(2000)
})
