// SPDX-License-Identifier: MIT
/** `--explain-breaks`, on programs whose thread makes the call; with breaks of the kernel: test/lab/explain.test.ts. */
import {chown, readFile, writeFile} from 'node:fs/promises'
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

/** threads.c with debug information, not static; returns its path. */
async function withLines(name: string) {
  const path = join(shop.folder, name)
  const source = join(packageRoot, 'test/launch/fixtures/threads.c')
  await execa('gcc', ['-Og', '-g', '-pthread', '-o', path, source])
  return path
}

/** The same with another name, as long, for a function. */
async function forge(name: string, from: string, to: string) {
  const path = await withLines(name)
  const bytes = await readFile(path, 'latin1')
  await writeFile(path, bytes.replaceAll(`\0${from}\0`, `\0${to}\0`), 'latin1')
  return path
}

const GETPPID = 110
const MADVISE = 28
const MMAP = 9
const PAUSE = 34

describe.skipIf(process.arch !== 'x64')('where a system call is made', () => {
  it('is the function that makes it and its caller, with the command for its line', async () => {
    const lines = await withLines('lines')
    const text = await explained(GETPPID, [lines, 'call'])
    expect(text).toMatch(
      /^ {2}a later call of getppid was made here:\n {4}getppid.* \(libc\.so\.6\+0x[\da-f]+\)\n/,
    )
    expect(text).toMatch(/^ {4}run \(lines\+0x[\da-f]+\)$/m)
    const [, ...words] = text.match(/^ {2}lines: (addr2line) (-Cfie) (\S*\/lines) (0x[\da-f]+)/m) ?? []
    const {stdout} = await execa(words[0] ?? '', words.slice(1))
    expect(stdout).toMatch(/^run\n.*threads\.c:\d+/)
    expect(text).toContain('program: ran on, status 15')
  })
  it('has no line that a name in the program makes', async () => {
    const forging = await forge('forging', 'run', 'r\nn')
    const text = await explained(GETPPID, [forging, 'call'])
    expect(text).toMatch(/^ {4}r\?n \(forging\+0x/m)
  })
  it('is not in a file of another user, where root asks', async ({skip}) => {
    skip(process.getuid?.() !== 0, 'only root can give a file away')
    const foreign = await withLines('foreign')
    await chown(foreign, 65534, 65534)
    const text = await explained(GETPPID, [foreign, 'call'])
    expect(text).toMatch(/^ {4}(\? )?no symbol \(foreign, byte 0x[\da-f]+\)$/m)
    expect(text).not.toMatch(/addr2line.*foreign/)
  })
  it('is not looked for when the thread enters isolation', async () => {
    const text = await explained(GETPPID, [threads, 'enter'])
    expect(text).toContain('where it was made is not known: the thread enters isolation again')
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
