// SPDX-License-Identifier: MIT
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {make} from '../../scripts/native.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from './compile.ts'
import {fixture, PARSED, parsed, RECORDS, saidHere, saidInC} from './parsers.ts'

vi.setConfig({testTimeout: 120_000, hookTimeout: 120_000})

let sanitized: Workshop
beforeAll(async () => {
  sanitized = await workshop({sanitize: 'address,undefined'})
})
afterAll(() => sanitized[Symbol.asyncDispose]())

describe('the C code', () => {
  it('compiles with clang without a warning', async () => {
    await using shop = await workshop()
    await make(`O=${shop.folder}`, 'CC=clang')
  })
  it('has nothing that the static analyzer complains about', async () => {
    await using shop = await workshop()
    await make(`O=${shop.folder}`, 'analyze')
  }, 600_000)
  it('is formatted as native/.clang-format says', () => make('check-format'))
})

describe('with the address and undefined behaviour sanitizers', () => {
  it('the parsers take what is right and nothing else', async () => {
    expect(await parsed(await fixture(sanitized, 'parsers'))).toEqual(
      PARSED.map(([, , expected]) => expected),
    )
  })
  it('every cause has its words', async () => {
    const said = await saidInC(await fixture(sanitized, 'words'))
    expect(said).toHaveLength(RECORDS.length)
    expect(said).toEqual(saidHere())
  })
  describe.runIf(process.arch === 'x64' && availableParallelism() > 1)('settle', () => {
    /** The program that is traced is an ordinary one: it is to lock its memory, of which a sanitizer's is 16 TiB. */
    let threads: string
    let settler: string
    beforeAll(async () => {
      settler = await fixture(sanitized, 'settler')
      threads = join(sanitized.folder, 'threads')
      const source = join(packageRoot, 'test/launch/fixtures/threads.c')
      await execa('gcc', ['-O2', '-pthread', '-o', threads, source])
    })
    test.for([
      ['poll', /^poll planted/m],
      ['call', /^call watched makes system calls: getppid \(110\)/m],
      ['signal', /^signal watched makes system calls/m],
    ] as const)('and a thread that does "%s"', async ([kind, expected]) => {
      const {stdout, stderr} = await execa(settler, ['40', '600', '1', '0', threads, kind])
      expect(stdout).toMatch(expected)
      expect(stdout).toMatch(/^program runs$/m)
      expect(stderr).toBe('')
    })
  })
})
