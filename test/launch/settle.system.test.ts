// SPDX-License-Identifier: MIT
import {writeFile} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from './compile.ts'

vi.setConfig({testTimeout: 30_000, hookTimeout: 30_000}) // compilers and Node.js, on busy machines

let shop: Workshop
let torture: string
let settler: string
let threads: string
beforeAll(async () => {
  shop = await workshop()
  const fixture = (name: string) => shop.compile(`test/launch/fixtures/${name}.c`, name)
  ;[torture, settler, threads] = await Promise.all([
    fixture('torture'),
    fixture('settler'),
    fixture('threads'),
  ])
})
afterAll(() => shop[Symbol.asyncDispose]())

describe.runIf(process.arch === 'x64')('sending a thread through the stub', () => {
  // The prctl fails on a stock kernel; everything around it happens nevertheless.
  test.for([
    ['interrupted anywhere', ['500', '1000000', 'quiet']],
    ['with a signal arriving in the stub', ['500', '1000000', 'signals']],
  ] as const)('changes no register, flag, vector, FPU state or red zone: %s', async ([, argv]) => {
    const {stdout, stderr} = await execa(torture, argv, {reject: false})
    expect(stdout, stderr).toMatch(/^500 rounds, .* [1-9]\d{6,} turns, .*: unharmed$/)
  })
})

describe.runIf(process.arch === 'x64')('a thread that makes a call for us', () => {
  test.for([
    // Longer than any wait of the supervisor: it went on with our registers, and died of SIGSEGV.
    ['takes 12 s', ['none', '12'], 'call 0\nprogram runs, turns, 0 signals'],
    ['is signalled meanwhile', ['signal', '3'], 'call 0\nprogram runs, turns, 1 signals'],
    ['is stopped meanwhile', ['stop', '3'], /^call (0|-\d+)\nstate T\nprogram runs, turns, 0 signals$/],
    ['is killed meanwhile', ['kill', '30'], 'call -5\nprogram ended, stands, 0 signals'],
  ] as const)('%s, and goes on as before', async ([, argv, expected]) => {
    const {stdout} = await execa(await shop.compile('test/launch/fixtures/calls.c', 'calls'), argv)
    if (typeof expected === 'string') expect(stdout).toBe(expected)
    else expect(stdout).toMatch(expected)
  })
})

describe.runIf(process.arch === 'x64' && availableParallelism() > 1)('settle', () => {
  /** 40 ms, at most `times`: few when nothing is expected, many on a busy machine. */
  const settle = async (program: readonly string[], times: number) => {
    const {stdout} = await execa(settler, ['40', `${times}`, '1', '0', ...program])
    return stdout.split('\n')
  }
  test.for([
    ['poll', 600, /^poll planted/],
    ['float', 600, /^float planted/],
    ['sleep', 50, /^sleep watched sleeps/],
    ['call', 600, /^call watched makes system calls: getppid \(110\)/],
    ['fault', 50, /^fault watched has page faults/],
    ['signal', 600, /^signal watched makes system calls/],
  ] as const)('and a thread that does "%s"', async ([kind, times, expected]) => {
    const lines = await settle([threads, kind], times)
    expect(lines).toEqual([
      expect.stringMatching(/^threads watched sleeps/),
      expect.stringMatching(expected),
      'program runs',
    ])
  })
  it('assigns one CPU to one thread, also of a dynamic program', async () => {
    const dynamic = join(shop.folder, 'dynamic')
    await execa('gcc', [
      '-O2',
      '-pthread',
      '-o',
      dynamic,
      join(packageRoot, 'test/launch/fixtures/threads.c'),
    ])
    const lines = await settle([dynamic, 'poll', 'poll', 'sleep'], 600)
    expect(lines.filter((line) => line.startsWith('poll planted'))).toHaveLength(1)
    expect(lines.filter((line) => line.startsWith('poll watched'))).toHaveLength(1)
    expect(lines.at(-1)).toBe('program runs')
  })
  it('recognises runtimes that interrupt their own threads', async () => {
    const source = join(packageRoot, 'test/launch/fixtures/threads.c')
    // As the Go linker marks its output (cmd/link, buildinfo).
    const marked = join(shop.folder, 'marked.c')
    await writeFile(marked, 'const char mark[] __attribute__((used)) = "\\xff Go buildinf:";\n')
    const go = join(shop.folder, 'go')
    await execa('gcc', ['-O2', '-pthread', '-o', go, source, marked])
    expect((await settle([go, 'poll'], 600)).join('\n')).toContain('poll watched is a Go program')
    const jvm = join(shop.folder, 'libjvm.so')
    await execa('gcc', ['-shared', '-o', jvm, marked])
    const java = join(shop.folder, 'java')
    await execa('gcc', ['-O2', '-pthread', '-o', java, source, '-Wl,--no-as-needed', jvm])
    expect((await settle([java, 'poll'], 600)).join('\n')).toContain('poll watched runs in a Java VM')
  })
  it('waits for control threads that keep touching new memory', async () => {
    const lines = await settle([threads, 'poll', 'fault'], 20)
    expect(lines.join('\n')).not.toContain('planted')
  })
})
