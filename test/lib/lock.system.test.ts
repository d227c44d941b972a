// SPDX-License-Identifier: MIT
import {mkdtemp, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterEach, beforeEach, expect, test} from 'vitest'
import {Interrupted, UserError} from '../../src/lib/errors.ts'
import {type LockOptions, withLock} from '../../src/lib/lock.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
})
afterEach(async () => rm(folder, {recursive: true}))

/** A lock that is held until `release` is called. */
async function held(path: string, options: LockOptions = {}) {
  const {promise: released, resolve: release} = Promise.withResolvers<void>()
  const {promise: taken, resolve: take} = Promise.withResolvers<void>()
  const done = withLock(path, options, async () => {
    take()
    await released
  })
  await taken
  return {release, done}
}

test('one holder at a time', async () => {
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

test('the lock is free after a failure, and a wait is reported', async () => {
  const path = join(folder, 'lock')
  await expect(
    withLock(path, {}, async () => {
      throw new Error('broken')
    }),
  ).rejects.toThrow('broken')
  const first = await held(path)
  // The first holder ends because the second one waits.
  expect(await withLock(path, {onWait: first.release}, async () => 'second')).toBe('second')
  await first.done
})

test('a lock that is free, or refused, reports no wait', async () => {
  const path = join(folder, 'lock')
  let waits = 0
  const onWait = () => waits++
  const first = await held(path, {onWait})
  const refuse = (holder: string) => new UserError(`held by ${holder}`)
  await expect(withLock(path, {onWait, refuse}, async () => {})).rejects.toThrow(`held by ${process.pid}`)
  await sleep(600)
  expect(waits).toBe(0)
  first.release()
  await first.done
})

test('an abort ends the wait, and takes nothing from the holder', async () => {
  const path = join(folder, 'lock')
  const first = await held(path)
  const controller = new AbortController()
  const second = withLock(path, {signal: controller.signal}, async () => 'unreachable')
  await sleep(100)
  controller.abort(new Interrupted())
  await expect(second).rejects.toBeInstanceOf(Interrupted)
  const refuse = (holder: string) => new UserError(`held by ${holder}`)
  await expect(withLock(path, {refuse}, async () => {})).rejects.toThrow(`held by ${process.pid}`)
  expect(await readFile(path, 'utf8')).toBe(`${process.pid}\n`)
  first.release()
  await first.done
  expect(await withLock(path, {}, async () => 'third')).toBe('third')
})

test('a lock file that cannot be created is an error', async () => {
  await expect(withLock(join(folder, 'no/lock'), {}, async () => {})).rejects.toBeInstanceOf(UserError)
})
