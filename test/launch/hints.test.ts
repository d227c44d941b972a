// SPDX-License-Identifier: MIT
import {chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test} from 'vitest'
import {type Elf, readElf} from '../../src/launch/elf.ts'
import {hintsFor, lookAtProgram, type Program} from '../../src/launch/hints.ts'

const LOADER = '/lib64/ld-linux-x86-64.so.2'
const program = (more: Partial<Program> = {}): Program => ({
  name: 'app',
  libraries: ['libc.so.6'],
  interpreter: LOADER,
  notes: ['GNU'],
  ...more,
})

describe('the hints for a program', () => {
  test.for([
    ['a C program', program(), ['GLIBC_TUNABLES']],
    ['jemalloc', program({libraries: ['libjemalloc.so.2', 'libc.so.6']}), ['MALLOC_CONF']],
    [
      'tcmalloc',
      program({libraries: ['libtcmalloc_minimal.so.4']}),
      ['TCMALLOC_RELEASE_RATE', 'TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES'],
    ],
    [
      'Go',
      program({interpreter: undefined, libraries: [], notes: ['Go']}),
      ['GODEBUG', 'GOGC', 'GOMAXPROCS'],
    ],
    ['Go with C', program({notes: ['GNU', 'Go']}), ['GODEBUG', 'GOGC', 'GOMAXPROCS']],
    ['Java', program({name: 'java', libraries: ['libjli.so']}), ['GLIBC_TUNABLES', 'JAVA_TOOL_OPTIONS']],
    ['musl', program({interpreter: '/lib/ld-musl-x86_64.so.1', libraries: ['libc.so']}), []],
    ['a static program', program({interpreter: undefined, libraries: []}), []],
  ] as const)('%s', ([, given, names]) => {
    const {environment, notes} = hintsFor(given, 2, {})
    expect(Object.keys(environment)).toEqual(names)
    for (const name of names) expect(notes.join('\n')).toContain(`${name}=${environment[name]}`)
    if (names.length === 0)
      expect(notes).toEqual([expect.stringContaining('no runtime or allocator is recognized')])
  })
  it('gives an OpenMP program a thread for each launch CPU, and Go more threads than CPUs', () => {
    const omp = hintsFor(program({libraries: ['libgomp.so.1']}), 4, {})
    expect(omp.environment).toMatchObject({OMP_NUM_THREADS: '4', OMP_WAIT_POLICY: 'active'})
    expect(hintsFor(program({notes: ['Go']}), 4, {}).environment).toMatchObject({GOMAXPROCS: '7'})
  })
  it('leaves a variable that is set, and says so', () => {
    const {environment, notes} = hintsFor(program({notes: ['Go']}), 1, {
      GOGC: '50',
      GODEBUG: 'asyncpreemptoff=1',
    })
    expect(environment).toEqual({GOMAXPROCS: '4'})
    expect(notes).toContain('a Go program: GOGC stays as you set it, instead of GOGC=off')
    expect(notes.join('\n')).not.toContain('GODEBUG stays')
  })
})

describe('what a file shows', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  })
  afterAll(() => rm(folder, {recursive: true}))
  const script = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    await chmod(join(folder, name), 0o755)
    return join(folder, name)
  }

  it('is that of the interpreter for a script, of the target for a link, and found by PATH', async () => {
    const direct = await lookAtProgram(process.execPath, {})
    expect(direct).toMatchObject({name: 'node', interpreter: expect.stringContaining('/ld-')})
    await symlink(process.execPath, join(folder, 'js'))
    const env = {PATH: `/nowhere:${folder}`}
    expect(await lookAtProgram('js', env)).toEqual(direct)
    expect(await lookAtProgram(await script('run', `#!${process.execPath} --flag\n`), {})).toEqual(direct)
    expect(await lookAtProgram(await script('env', '#!/usr/bin/env js\n'), env)).toEqual(direct)
  })
  it('is that of the program that env runs with -S, options and variables', async () => {
    const direct = await lookAtProgram(process.execPath, {})
    for (const line of ['-S node --flag', '-Snode', '-i A=1 node'])
      expect(
        await lookAtProgram(await script('env-s', `#!/usr/bin/env ${line}\n`), {
          PATH: join(process.execPath, '..'),
        }),
        line,
      ).toEqual(direct)
  })
  it('is that of the first file in PATH that may be executed', async () => {
    const direct = await lookAtProgram(process.execPath, {})
    for (const name of ['a', 'b', 'c']) await mkdir(join(folder, name))
    await mkdir(join(folder, 'a/prog'))
    await writeFile(join(folder, 'b/prog'), 'text\n', {mode: 0o644})
    await symlink(process.execPath, join(folder, 'c/prog'))
    const PATH = ['a', 'b', 'c'].map((name) => join(folder, name)).join(':')
    expect(await lookAtProgram('prog', {PATH})).toEqual(direct)
  })
  it('is nothing for a FIFO, which is not waited for', async () => {
    const fifo = join(folder, 'fifo')
    await execa('mkfifo', ['-m', '755', fifo])
    expect(await lookAtProgram(fifo, {})).toBe(undefined)
  })
  it('is nothing when there is no such program', async () => {
    const loop = await script('loop', `#!${join(folder, 'loop')}\n`)
    for (const name of ['', 'no-such-program', folder, '/dev/null', loop, await script('text', 'text\n')])
      expect(await lookAtProgram(name, {PATH: folder})).toBe(undefined)
  })
  it('has the libraries of LD_PRELOAD, which come first', async () => {
    const found = await lookAtProgram(process.execPath, {LD_PRELOAD: '/opt/libjemalloc.so.2 libx.so:liby.so'})
    expect(found?.libraries.slice(0, 3)).toEqual(['libjemalloc.so.2', 'libx.so', 'liby.so'])
  })
})

describe('an ELF file', () => {
  const elfOf = (bytes: Buffer): Promise<Elf | undefined> =>
    readElf((offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)))
  it('that is cut off or overwritten anywhere gives an answer or nothing', async () => {
    const bytes = await readFile('/bin/true')
    expect(await elfOf(bytes)).toMatchObject({notes: ['GNU'], needed: ['libc.so.6']})
    for (let length = 0; length < 1500; length += 7)
      expect(['undefined', 'object']).toContain(typeof (await elfOf(bytes.subarray(0, length))))
    for (let at = 0; at < 1200; at++) {
      const broken = Buffer.from(bytes)
      broken.fill(0xff, at, at + 8)
      expect(['undefined', 'object']).toContain(typeof (await elfOf(broken)))
    }
  })

  /** An ELF file with so many segments of notes, each of this size, and these notes in the first. */
  const withNotes = (count: number, size: number, notes: Buffer) => {
    const header = Buffer.alloc(64)
    header.write('\x7fELF\x02\x01', 'latin1')
    header.writeBigUInt64LE(64n, 32)
    header.writeUInt16LE(count, 56)
    const segments = Array.from({length: count}, () => {
      const segment = Buffer.alloc(56)
      segment.writeUInt32LE(4, 0) // PT_NOTE
      segment.writeBigUInt64LE(BigInt(64 + count * 56), 8)
      segment.writeBigUInt64LE(BigInt(size), 32)
      return segment
    })
    return Buffer.concat([header, ...segments, notes])
  }
  const note = (owner: string, size: number) => {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt32LE(4, 0)
    bytes.writeUInt32LE(size, 4)
    bytes.write(owner, 12)
    return bytes
  }
  it('with a note of almost 4 GiB has the notes before it', async () => {
    const notes = Buffer.concat([note('Go', 0), note('XXX', 0xff_ff_ff_f0)])
    expect(await elfOf(withNotes(1, notes.length, notes))).toMatchObject({notes: ['Go', 'XXX']})
  })
  it('with 65,535 segments of notes is not read whole: 32 of them, one at a time', async () => {
    const bytes = withNotes(65_535, 1 << 30, note('Go', 0))
    let reads = 0
    let open = 0
    const elf = await readElf(async (offset, length) => {
      expect(++open).toBe(1)
      expect(length).toBeLessThanOrEqual(65_535 * 56)
      reads++
      await Promise.resolve()
      open--
      return bytes.subarray(offset, offset + length)
    })
    expect(elf).toMatchObject({notes: ['Go']})
    expect(reads).toBeLessThan(40)
  })
})
