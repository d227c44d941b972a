// SPDX-License-Identifier: MIT
import {chmod, mkdtemp, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {impatient, stoppable} from '../../src/host/abortable.ts'
import {localHost} from '../../src/host/local.ts'
import {asset} from '../../src/lib/assets.ts'
import {Interrupted} from '../../src/lib/errors.ts'

const host = localHost()
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
})
afterEach(() => rm(folder, {recursive: true}))

const modeOf = async (path: string) => ((await host.mode?.(path)) ?? 0) & 0o7777

describe('writeFile', () => {
  it('creates a file that all users can read, with any umask', async () => {
    const before = process.umask(0o077)
    try {
      await host.writeFile(join(folder, 'new'), 'x\n')
    } finally {
      process.umask(before)
    }
    expect(await readFile(join(folder, 'new'), 'utf8')).toBe('x\n')
    expect(await modeOf(join(folder, 'new'))).toBe(0o644)
  })

  it('keeps the mode of the file it replaces', async () => {
    const path = join(folder, 'secret')
    await writeFile(path, 'old')
    await chmod(path, 0o640)
    await host.writeFile(path, 'new')
    expect([await readFile(path, 'utf8'), await modeOf(path)]).toEqual(['new', 0o640])
  })

  it('removes a file, also twice, and leaves no temporary file', async () => {
    const path = join(folder, 'gone')
    await host.writeFile(path, 'x')
    await host.writeFile(path, null)
    await host.writeFile(path, null)
    expect(await readdir(folder)).toEqual([])
  })

  it('throws the path and the errno, and leaves no temporary file', async () => {
    await writeFile(join(folder, 'file'), '')
    const path = join(folder, 'file/below')
    await expect(host.writeFile(path, 'x')).rejects.toMatchObject({code: 'ENOTDIR', path})
    expect(await readdir(folder)).toEqual(['file'])
  })
})

describe('set', () => {
  it('never creates a file: a missing path is an error', async () => {
    const path = join(folder, 'vanished')
    await expect(host.set(path, '1')).rejects.toMatchObject({code: 'ENOENT', path})
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })
})

describe('run', () => {
  it('returns the output', async () => {
    expect(await host.run(['printf', '%s', 'a b'])).toEqual({stdout: 'a b'})
  })

  it('throws the exit status and the last line on stderr', async () => {
    const command = ['sh', '-c', 'echo why >&2; exit 3'] as const
    await expect(host.run(command)).rejects.toThrow('sh -c echo why >&2; exit 3: exit status 3: why')
    await expect(host.run(['no-such-program'])).rejects.toThrow('no-such-program: not installed')
  })

  it('ends a command that hangs when the work is interrupted, and waits for one that ends', async () => {
    const controller = new AbortController()
    const hurried = impatient(host, controller.signal, 3000)
    const ending = hurried.run(['sh', '-c', 'sleep 0.1; echo done'])
    const hanging = hurried.run(['sleep', '1000'])
    // A process in another session keeps the pipes of the command open.
    const leaving = hurried.run(['sh', '-c', 'setsid sleep 20 & sleep 1000'])
    controller.abort(new Interrupted())
    expect(await ending).toEqual({stdout: 'done\n'})
    await expect(hanging).rejects.toThrow('sleep 1000: killed by SIGTERM')
    await expect(leaving).rejects.toThrow(/hung, and was killed/)
  }, 30_000)

  it('ends a command that begins after the interruption and hangs: the undo of the work', async () => {
    await expect(impatient(host, AbortSignal.abort(), 50).run(['sleep', '1000'])).rejects.toThrow('SIGTERM')
  })

  it('gives a command that takes long on a sound machine the time that it asks for', async () => {
    const hurried = impatient(host, AbortSignal.abort(), 50)
    expect(await hurried.run(['sh', '-c', 'sleep 0.5; echo done'], {graceMs: 20_000})).toEqual({
      stdout: 'done\n',
    })
  })

  it('changes nothing more on a machine that is stopped', async () => {
    const path = join(folder, 'value')
    const late = stoppable(host, AbortSignal.abort(new Interrupted()))
    await expect(late.writeFile(path, 'x')).rejects.toThrow(Interrupted)
    await expect(late.run(['touch', path])).rejects.toThrow(Interrupted)
    expect(await readdir(folder)).toEqual([])
  })
})

describe('isol-checkpoint', () => {
  const checkpoint = async (...args: readonly string[]) => {
    const {exitCode, stderr} = await execa(asset('libexec/isol-checkpoint'), args, {reject: false})
    return [exitCode, stderr]
  }

  it('does nothing on a file system without a journal', async () => {
    expect(await checkpoint('/proc')).toEqual([0, ''])
  })

  it('prints the errno, and its usage', async () => {
    expect(await checkpoint(join(folder, 'gone'))).toEqual([1, 'ENOENT'])
    expect(await checkpoint()).toEqual([2, 'usage: isol-checkpoint PATH'])
  })
})
