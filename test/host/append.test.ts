// SPDX-License-Identifier: MIT
import {mkdtemp, readdir, readFile, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, expect, test} from 'vitest'
import {appendFile} from '../../src/host/append.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  path = join(folder, 'run.journal')
})
afterEach(() => rm(folder, {recursive: true, force: true}))

test('grows by what is appended, and starts again', async () => {
  const file = await appendFile(path, 'first\n')
  await file.append('second\n')
  expect(file.grown).toBe(7)
  await file.restart('sum\n')
  expect(file.grown).toBe(0)
  await file.append('third\n')
  expect(await readFile(path, 'utf8')).toBe('sum\nthird\n')
  expect(await readdir(folder)).toEqual(['run.journal'])
  await file.remove()
  expect(await readdir(folder)).toEqual([])
})

test('does not write to what was put in its place', async () => {
  const file = await appendFile(path, 'first\n')
  const victim = join(folder, 'victim')
  await writeFile(victim, 'kept\n')
  await rm(path)
  await symlink(victim, path)
  await file.restart('sum\n')
  await rm(path)
  await symlink(victim, path)
  await file.append('more\n')
  expect(await readFile(victim, 'utf8')).toBe('kept\n')
  await file.remove()
})

test('replaces no file when it is created', async () => {
  await writeFile(path, '')
  await expect(appendFile(path, 'first\n')).rejects.toMatchObject({code: 'EEXIST', path})
})

test('goes on with the old file when it cannot be replaced', async () => {
  const file = await appendFile(path, 'first\n')
  await rm(folder, {recursive: true})
  await expect(file.restart('sum\n')).rejects.toMatchObject({code: 'ENOENT', path})
  await file.append('still open\n')
})
