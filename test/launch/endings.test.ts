// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {type Workshop, workshop} from './compile.ts'
import {fixture} from './parsers.ts'

vi.setConfig({testTimeout: 30_000, hookTimeout: 60_000}) // compilers, on machines that have other things to do

let shop: Workshop
let endings: string
beforeAll(async () => {
  shop = await workshop()
  endings = await fixture(shop, 'endings')
})
afterAll(() => shop[Symbol.asyncDispose]())

const say = async (...argv: readonly string[]) => (await execa(endings, argv)).stdout

describe('the end of isolation, as the reporter finds it', () => {
  test.for([
    ['0', '0', '0'],
    ['1', '3', '2'],
    ['1', '0', '0'], // the kernel took it back: the thread is leaving, or ended
  ] as const)('from %s breaks to %s there are %s new', async ([before, after, expected]) => {
    expect(await say('breaks', before, after)).toBe(expected)
  })
  test.for([
    ['leaving', 'is leaving'],
    ['lost', 'lost isolation'],
    ['off', 'left isolation'],
  ] as const)('in the state %s a thread %s', async ([state, expected]) => {
    expect(await say('why', state)).toBe(expected)
  })
  test.for([
    ['off', 'exit', '0', 'lives 1 over 1'],
    ['off', 'exit', '1', 'lives 1 over 1'],
    ['off', 'syscall', '0', 'lives 0 over 1'], // it was leaving, and asked to be isolated again
    ['off', 'syscall', '1', 'lives 0 over 0'],
    ['off', 'prctl', '0', 'lives 0 over 0'],
    ['lost', 'syscall', '1', 'lives 0 over 0'],
    ['leaving', 'syscall', '0', 'lives 0 over 0'],
  ] as const)('%s, %s and %s breaks: %s', async ([state, cause, breaks, expected]) => {
    expect(await say('ended', state, cause, breaks)).toBe(expected)
  })
  it('is not left alone while a thread is traced', async () => {
    expect(await say('holds')).toBe('0 1')
  })
})
