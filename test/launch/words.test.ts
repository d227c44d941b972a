// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test} from 'vitest'
import {type Workshop, workshop} from './compile.ts'

let shop: Workshop
let words: string
beforeAll(async () => {
  shop = await workshop()
  words = await shop.compile('test/launch/fixtures/words.c', 'words')
})
afterAll(() => shop[Symbol.asyncDispose]())

const say = async (input: string) => (await execa(words, [], {input})).stdout.split('\n')
const record = (cause: string, data: string) =>
  `state:\tlost\nflags:\t0x1\nsignal:\t9\ncpu:\t3\ncause:\t${cause}\ndata:\t${data}\ntime_ns:\t1\n`

describe('a break in words', () => {
  test.for([
    ['syscall', '0x1', 'system call write (1)', 'hand output to a thread on a housekeeping CPU'],
    ['syscall', '0xe4', 'system call clock_gettime (228)', 'clocksource is tsc'],
    ['syscall', '0xb', 'system call munmap (11)', 'GLIBC_TUNABLES'],
    ['syscall', '0x1ce', 'system call mseal (462)', 'keep system calls out'],
    ['syscall', '0x15f', 'system call unknown (351)', 'keep system calls out'],
    ['syscall', '0xffffffffffffffff', 'system call unknown (18446744073709551615)', 'keep system calls out'],
    ['page_fault', '0x7f0000001000', 'page fault at address 0x7f0000001000', 'map and touch all memory'],
    ['page_fault', '0x8', 'page fault at address 0x8 (a null pointer)', 'map and touch all memory'],
    ['exception', '0xd', 'exception 13 (general protection)', 'debugger'],
    ['signal', '0xa', 'signal SIGUSR1 was delivered to it', 'send no signals'],
    ['sched', '0x0', 'another task ran on its CPU', 'nothing else may run'],
    ['from_the_future', '0x7', 'from_the_future (0x7)', 'dmesg'],
    ['unknown', '0x0', 'the kernel could not tell why', 'dmesg'],
  ] as const)('%s %s', async ([cause, data, what, help]) => {
    const [sentence, advice] = await say(record(cause, data))
    expect(sentence).toBe(what)
    expect(advice).toContain(help)
  })
  it('survives a record with holes', async () => {
    expect((await say(''))[0]).toBe('the kernel could not tell why')
    expect((await say('cause:'))[0]).toBe(' (0x0)')
    expect((await say(`cause:\t${'x'.repeat(300)}\n`))[0]).toBe(`${'x'.repeat(15)} (0x0)`)
  })
})
