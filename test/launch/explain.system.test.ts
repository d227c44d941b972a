// SPDX-License-Identifier: MIT
/** `--explain-breaks`, on programs whose thread makes the call; with breaks of the kernel: test/lab/explain.test.ts. */
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from './compile.ts'

vi.setConfig({testTimeout: 60_000, hookTimeout: 120_000})

let shop: Workshop
let explainer: string
let sanitized: Workshop
let threads: string
let allocating: string
beforeAll(async () => {
  shop = await workshop()
  sanitized = await workshop({sanitize: 'address,undefined'})
  explainer = await sanitized.compile('test/launch/fixtures/explainer.c', 'explainer')
  threads = await shop.compile('test/launch/fixtures/threads.c', 'threads')
  allocating = await shop.compile('test/launch/fixtures/allocating.c', 'allocating', 'LDFLAGS=-rdynamic')
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  await sanitized[Symbol.asyncDispose]()
})

/** What is said of the call with this number, and of the program afterwards. */
async function explained(number: number, program: readonly string[]) {
  const {stdout} = await execa(explainer, [`${number}`, ...program])
  return stdout
}

const GETPPID = 110
const MADVISE = 28
const MMAP = 9
const PAUSE = 34

describe.skipIf(process.arch !== 'x64')('where a system call is made', () => {
  it('is the function that makes it and its caller, with the line where the program has lines', async () => {
    const lines = join(shop.folder, 'lines')
    await execa('gcc', [
      '-Og',
      '-g',
      '-pthread',
      '-o',
      lines,
      join(packageRoot, 'test/launch/fixtures/threads.c'),
    ])
    const text = await explained(GETPPID, [lines, 'call'])
    expect(text).toMatch(
      /^ {2}a later call of getppid was made here:\n {4}getppid.* \(libc\.so\.6\+0x[\da-f]+\)\n/,
    )
    expect(text).toMatch(/^ {4}run at threads\.c:\d+ \(lines\+0x[\da-f]+\)$/m)
    expect(text).toContain('program: ran on, status 15')
  })
  it('has functions in a static program, without lines', async () => {
    const text = await explained(GETPPID, [threads, 'call'])
    expect(text).toMatch(/^ {4}run \(threads\+0x[\da-f]+\)$/m)
  })
  it('names the allocator as the likely cause', async () => {
    const text = await explained(MADVISE, [allocating, 'buffers', '1000000000'])
    expect(text).toContain('a later call of madvise was made here:')
    expect(text).toMatch(/(malloc|free)\b.*\(libc\.so\.6\+0x/)
    expect(text).toContain('likely cause: the allocator')
    expect(text).toContain('program: ran on, status 15')
  })
  test.for([
    ['does not make it', 'poll', MMAP],
    ['sleeps', 'sleep', MMAP],
    ['gets signals', 'signal', MMAP],
  ] as const)('is not known when the thread %s', async ([, kind, number]) => {
    const text = await explained(number, [threads, kind])
    expect(text).toContain(
      'where it was made is not known: the thread did not make this call again within a second',
    )
    expect(text).toContain('program: ran on, status 15')
  })
  it('is found for a thread that waits in the call', async () => {
    expect(await explained(PAUSE, [threads, 'sleep'])).toMatch(
      /a later call of pause was made here:\n {4}.*pause/,
    )
  })
  it('is not known when the program has ended', async () => {
    expect(await explained(GETPPID, ['true'])).toMatch(/cannot be traced: .*\nprogram: ended early, status 0/)
  })
})
