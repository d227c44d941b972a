// SPDX-License-Identifier: MIT
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from './compile.ts'

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
  // The prctl fails on a stock kernel, but everything around it happens all the same.
  test.for([
    ['interrupted anywhere', ['1000']],
    ['with a signal arriving in the stub', ['1000', 'signals']],
  ] as const)('changes no register, flag, vector or red zone: %s', async ([, argv]) => {
    const {stdout} = await execa(torture, argv, {reject: false})
    expect(stdout).toMatch(/^1000 rounds, .*: unharmed$/)
  })
})

describe.runIf(process.arch === 'x64' && availableParallelism() > 1)('settle', () => {
  const settle = async (program: readonly string[], ms = 60) => {
    const {stdout} = await execa(settler, [`${ms}`, '1', '0', '--', ...program])
    return stdout.split('\n')
  }
  test.for([
    ['poll', /^poll planted/],
    ['float', /^float planted/],
    ['sleep', /^sleep watched sleeps/],
    ['call', /^call watched makes system calls: getppid \(110\)/],
    ['fault', /^fault watched has page faults/],
    ['signal', /^signal watched makes system calls/],
  ] as const)('and a thread that does "%s"', async ([kind, expected]) => {
    const lines = await settle([threads, kind])
    expect(lines).toEqual([
      expect.stringMatching(/^threads watched sleeps/),
      expect.stringMatching(expected),
      'program runs',
    ])
  })
  it('deals one CPU to one thread, also of a dynamic program', async () => {
    const dynamic = join(shop.folder, 'dynamic')
    await execa('gcc', [
      '-O2',
      '-pthread',
      '-o',
      dynamic,
      join(packageRoot, 'test/launch/fixtures/threads.c'),
    ])
    const lines = await settle([dynamic, 'poll', 'poll', 'sleep'])
    expect(lines.filter((line) => line.startsWith('poll planted'))).toHaveLength(1)
    expect(lines.filter((line) => line.startsWith('poll watched'))).toHaveLength(1)
    expect(lines.at(-1)).toBe('program runs')
  })
  it('waits for control threads that keep touching new memory', async () => {
    const lines = await settle([threads, 'poll', 'fault'])
    expect(lines.join('\n')).not.toContain('planted')
  })
})
