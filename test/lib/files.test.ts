// SPDX-License-Identifier: MIT
import {lstat, mkdtemp, readFile, rm, stat, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {fileSha256} from '../../src/kernel/sha256.ts'
import {readRegular, writeOutput} from '../../src/lib/files.ts'
import {isolctl} from '../commands/isolctl.ts'

let folder = ''
const at = (name: string) => join(folder, name)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  await execa('mkfifo', [at('pipe')])
  await writeFile(at('file'), 'text\n')
  await symlink('pipe', at('to-pipe'))
  await symlink('/dev/zero', at('to-zero'))
  await symlink('file', at('to-file'))
})
afterEach(() => rm(folder, {recursive: true}))

describe('a reader', () => {
  it('reads a regular file, also of procfs and through a link', async () => {
    expect(await readRegular(at('to-file'))).toBe('text\n')
    expect(await readRegular('/proc/version')).toContain('Linux version')
  })

  it.each([
    ['pipe', 'ENXIO'],
    ['to-pipe', 'ENXIO'],
    ['to-zero', 'ENXIO'],
    ['', 'EISDIR'],
    ['nowhere', 'ENOENT'],
  ])('refuses "%s" at once', async (name, code) => {
    await expect(readRegular(at(name))).rejects.toMatchObject({code})
  })

  it('bounds the size', async () => {
    await expect(readRegular(at('file'), {limit: 4})).rejects.toMatchObject({code: 'EFBIG'})
    await expect(readRegular('/proc/cpuinfo', {limit: 4})).rejects.toMatchObject({code: 'EFBIG'})
    await expect(fileSha256(at('pipe'))).rejects.toMatchObject({code: 'ENXIO'})
  })

  it.each([
    ['preflight', '--root', 'PIPE'],
    ['preflight', '--root', '/dev/zero'],
    ['preflight', '--config', 'PIPE'],
    ['preflight', '--config', '/dev/zero'],
    ['lint', '--cpus', '4', '--kernel', '6.12', '--cmdline', 'PIPE'],
    ['lint', '--cpus', '4', '--kernel', '6.12', '--cmdline', '/dev/zero'],
    ['apply', '--dry-run', 'PIPE'],
    ['apply', '--dry-run', '/dev/zero'],
  ])('of a command says so in one line: %s %s %s', async (...words) => {
    const {stdout, stderr, exit} = await isolctl(...words.map((word) => word.replace('PIPE', at('pipe'))))
    expect([2, 69]).toContain(exit)
    expect(stdout).toBe('')
    expect(stderr).toMatch(
      /^error: .*(: E(NXIO|FBIG)|can be written by everybody| is neither a directory nor an archive)\n/,
    )
    expect(stderr).not.toContain('bug')
  })
})

describe('output', () => {
  it('never waits for the reader of a pipe, and never goes through a link', async () => {
    await expect(writeOutput(at('pipe'), 'x')).rejects.toMatchObject({exit: 74, code: 'ENXIO'})
    await writeOutput(at('to-file'), 'new\n')
    expect(await readFile(at('file'), 'utf8')).toBe('text\n')
    expect((await lstat(at('to-file'))).isFile()).toBe(true)
    await writeOutput(at('to-pipe'), 'new\n')
    expect((await lstat(at('to-pipe'))).isFile()).toBe(true)
  })

  it('can be written by its owner only, under any umask', async () => {
    const before = process.umask(0)
    try {
      await writeOutput(at('fresh'), 'x')
    } finally {
      process.umask(before)
    }
    expect((await stat(at('fresh'))).mode & 0o777).toBe(0o644)
  })

  it('waits for a slow reader of a pipe, and loses nothing', async () => {
    const text = 'x'.repeat(300_000)
    const reader = execa('sh', ['-c', `exec <"${at('pipe')}"; sleep 0.3; cat`])
    while (
      await writeOutput(at('pipe'), text).then(
        () => false,
        () => true,
      )
    );
    expect((await reader).stdout).toBe(text)
  })
})
