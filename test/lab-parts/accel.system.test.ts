// SPDX-License-Identifier: MIT
import {mkdtemp, readdir, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, expect, test, vi} from 'vitest'
import {chooseAccelerator, rememberVerdict} from '../../src/lab/accel.ts'

const fixture = (name: string) => join(import.meta.dirname, '../fixtures/qemu', name)
let cache: string
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'accel-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(cache, {recursive: true})
})

test.for([
  ['works', 'kvm'],
  ['works-once', 'tcg'],
  ['aborts', 'tcg'],
  ['not-there', 'tcg'],
] as const)('a QEMU that %s under KVM means %s', async ([qemu, accel]) => {
  expect(await chooseAccelerator({wanted: 'auto', qemu: fixture(qemu), cache})).toBe(accel)
})

test('one that hangs is killed within seconds, and leaves nothing behind', async () => {
  vi.stubEnv('TMPDIR', await mkdtemp(join(cache, 'tmp-')))
  const started = performance.now()
  expect(await chooseAccelerator({wanted: 'auto', qemu: fixture('hangs'), cache})).toBe('tcg')
  expect(performance.now() - started).toBeLessThan(8000)
  expect(await readdir(tmpdir())).toEqual([])
}, 10_000)

test('the result is cached until the next boot, for that QEMU', async () => {
  const options = {wanted: 'auto', qemu: fixture('works'), cache} as const
  await rememberVerdict('tcg', options)
  expect(await chooseAccelerator(options)).toBe('tcg')
  await rememberVerdict('tcg', {...options, qemu: '/another/qemu'})
  expect(await chooseAccelerator(options)).toBe('kvm')
})

test('a requested accelerator is not tested', async () => {
  expect(await chooseAccelerator({wanted: 'kvm', qemu: fixture('aborts'), cache})).toBe('kvm')
})
