// SPDX-License-Identifier: MIT
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterEach, beforeEach, expect, test} from 'vitest'
import {Interrupted, UserError} from '../../src/lib/errors.ts'
import {withLock} from '../../src/lib/lock.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
})
afterEach(async () => rm(folder, {recursive: true}))

test('one at a time', async () => {
  let inside = 0
  let most = 0
  const work = () =>
    withLock(join(folder, 'lock'), {}, async () => {
      most = Math.max(most, ++inside)
      await sleep(20)
      inside--
    })
  await Promise.all([work(), work(), work()])
  expect(most).toBe(1)
})

test('is free again after a failure, and says when it waits', async () => {
  const path = join(folder, 'lock')
  await expect(
    withLock(path, {}, async () => {
      throw new Error('broken')
    }),
  ).rejects.toThrow('broken')
  const {promise, resolve} = Promise.withResolvers<void>()
  const first = withLock(path, {}, () => promise)
  await sleep(200)
  // The first one ends because this one waits.
  const second = withLock(path, {onWait: resolve}, async () => 'second')
  expect(await second).toBe('second')
  await first
})

test('waiting can be given up', async () => {
  const path = join(folder, 'lock')
  const {promise, resolve} = Promise.withResolvers<void>()
  const first = withLock(path, {}, () => promise)
  await sleep(200)
  const controller = new AbortController()
  const second = withLock(path, {signal: controller.signal}, async () => 'not to be')
  controller.abort(new Interrupted())
  await expect(second).rejects.toBeInstanceOf(Interrupted)
  resolve()
  await first
})

test('a lock file that cannot be made is an error, not a lock', async () => {
  await expect(withLock(join(folder, 'no/lock'), {}, async () => {})).rejects.toBeInstanceOf(UserError)
})
