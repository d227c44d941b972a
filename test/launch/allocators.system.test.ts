// SPDX-License-Identifier: MIT
/** The settings of src/launch/hints.ts, on a program that allocates and frees in two worker threads. */
import {existsSync} from 'node:fs'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {ALLOCATORS} from '../../src/launch/hints.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from './compile.ts'

vi.setConfig({testTimeout: 120_000, hookTimeout: 60_000})

let shop: Workshop
let allocating: string
beforeAll(async () => {
  shop = await workshop()
  allocating = await shop.compile('test/launch/fixtures/allocating.c', 'allocating', 'LDFLAGS=-rdynamic') // not static
})
afterAll(() => shop[Symbol.asyncDispose]())

/** Where Debian's packages libjemalloc2 and libgoogle-perftools-dev put them. */
const LIBRARIES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib']
const FILES: Readonly<Record<string, string>> = {
  jemalloc: 'libjemalloc.so.2',
  tcmalloc: 'libtcmalloc_minimal.so.4',
}

const libraryOf = (id: string): string | undefined =>
  LIBRARIES.map((folder) => join(folder, FILES[id] ?? '')).find(existsSync)

/** The environment without the variables of any allocator. */
const clean = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !ALLOCATORS.some(({environment}) => name in environment)),
)

/** What two workers did in their loops: "calls 3 (brk 2, munmap 1)", "faults 0". */
async function loop(id: string, pattern: string, environment: Readonly<Record<string, string>>, pool = true) {
  const library = id === 'glibc' ? '' : (libraryOf(id) ?? '')
  const turns = pattern === 'buffers' || pattern === 'vector' ? '2000' : '50000'
  const {stdout} = await execa(allocating, [pattern, turns, pool ? '32' : '0'], {
    extendEnv: false,
    env: {...clean, ...environment, LD_PRELOAD: library},
  })
  const [calls = '', faults = ''] = stdout.split('\n')
  return {calls, faults}
}

/**
 * What a program does in its loop, and the allocators with which that stays in user space. The others are
 * in the table of docs/launch.md as "no": they make system calls with every setting.
 */
const QUIET = [
  ['small', ['glibc', 'jemalloc', 'tcmalloc']],
  ['buffers', ['glibc', 'jemalloc']],
  ['vector', ['glibc', 'jemalloc']],
  ['recycled', ['glibc', 'jemalloc', 'tcmalloc']],
] as const

const cases = QUIET.flatMap(([pattern, ids]) => ids.map((id) => [id, pattern] as const))

describe.skipIf(process.arch !== 'x64')('with the settings of its allocator', () => {
  test.for(cases)('%s, %s: no system call and no page fault in the loop', async ([id, pattern], {skip}) => {
    skip(id !== 'glibc' && libraryOf(id) === undefined, `not installed: ${FILES[id]}`)
    const environment = ALLOCATORS.find((hint) => hint.id === id)?.environment ?? {}
    expect(await loop(id, pattern, environment)).toEqual({calls: 'calls 0', faults: 'faults 0'})
  })
  it('each setting is in docs/launch.md as it is here', async () => {
    const page = await readFile(join(packageRoot, 'docs/launch.md'), 'utf8')
    for (const {environment} of ALLOCATORS)
      for (const [name, value] of Object.entries(environment)) expect(page).toContain(`${name}=${value}`)
  })
})

describe.skipIf(process.arch !== 'x64')('without them', () => {
  it('glibc grows its arenas by mprotect, also with the settings that were advised before', async () => {
    const before = {GLIBC_TUNABLES: 'glibc.malloc.trim_threshold=4294967296:glibc.malloc.mmap_max=0'}
    expect((await loop('glibc', 'small', before, false)).calls).toMatch(/mprotect \d/)
    expect((await loop('glibc', 'buffers', {})).calls).toMatch(/madvise \d/)
  })
  it('a thread that frees what another one allocated takes a lock of glibc, whatever is set', async () => {
    const environment = ALLOCATORS.find((hint) => hint.id === 'glibc')?.environment ?? {}
    expect((await loop('glibc', 'handed', environment)).calls).toMatch(/futex \d/)
  })
})
