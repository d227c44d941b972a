// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {gzipSync} from 'node:zlib'
import {execa} from 'execa'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {rooted} from '../../src/host/rooted.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-rooted-'))
  await writeFile(join(folder, 'short'), 'a\n')
  await writeFile(join(folder, 'long'), 'é0123456789\n'.repeat(40_000))
  await writeFile(join(folder, 'padded'), 'on\n\0\0\0')
  await writeFile(join(folder, 'binary'), Buffer.from([0xff, 0xfe, 0x00, 0x80]))
  await writeFile(join(folder, 'config.gz'), gzipSync('CONFIG_A=y\n'))
  await writeFile(join(folder, 'bomb.gz'), gzipSync(Buffer.alloc(64 * 1024 * 1024)))
  await mkdir(join(folder, 'folder'))
  await execa('mkfifo', [join(folder, 'pipe')])
})
afterAll(() => rm(folder, {recursive: true, force: true}))

const host = () => rooted(folder)

test('a file larger than the buffer is read completely, and does not mix with the next one', async () => {
  const [long, short] = await Promise.all([host().read('/long'), host().read('/short')])
  expect(long).toBe('é0123456789\n'.repeat(40_000))
  expect(short).toBe('a\n')
})

test('an absent file is undefined, an absent directory an empty list', async () => {
  expect(await host().read('/nothing/at/all')).toBeUndefined()
  expect(await host().read('/short/below-a-file')).toBeUndefined()
  expect(await host().list('/nothing')).toEqual([])
})

test('NUL padding is removed, and binary garbage does not throw', async () => {
  expect(await host().read('/padded')).toBe('on\n')
  expect(typeof (await host().read('/binary'))).toBe('string')
})

test('compressed files are decompressed up to a limit', async () => {
  expect(await host().read('/config.gz')).toBe('CONFIG_A=y\n')
  await expect(host().read('/bomb.gz')).rejects.toThrow(/cannot read \/bomb.gz/)
})

test('reading a pipe does not block, and reading a directory fails', async () => {
  expect(await host().read('/pipe')).toBe('')
  await expect(host().read('/folder')).rejects.toThrow('EISDIR')
})
