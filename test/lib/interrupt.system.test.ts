// SPDX-License-Identifier: MIT
import {once} from 'node:events'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa} from 'execa'
import {expect, test} from 'vitest'
import {localHost} from '../../src/host/local.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {Interrupted} from '../../src/lib/errors.ts'

const program = `
import {execa} from 'execa'
import {setTimeout as sleep} from 'node:timers/promises'
import {interruptible} from ${JSON.stringify(join(import.meta.dirname, '../../src/lib/interrupt.ts'))}
await interruptible(async (signal) => {
  const child = execa('sleep', ['1000'], {reject: false})
  console.log('started')
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  child.kill()
  await child
  await sleep(100)
  console.log('cleaned up')
  if (process.argv[1] === 'stubborn') await sleep(100_000)
})
`
const start = (...args: string[]) =>
  execa(process.execPath, ['--input-type=module', '-e', program, ...args], {
    reject: false,
    cwd: import.meta.dirname,
  })

test.for(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s waits for the work to clean up', async (signal) => {
  const child = start()
  await once(child.stdout, 'data')
  child.kill(signal)
  const {stdout, exitCode} = await child
  expect(stdout).toBe('started\ncleaned up')
  expect(exitCode).toBe(0)
})

test('a second signal ends the process', async () => {
  const child = start('stubborn')
  for await (const line of child) {
    child.kill('SIGINT')
    if (line === 'cleaned up') break
  }
  expect((await child).signal).toBe('SIGINT')
})

const isolctl = (...args: string[]) =>
  execa(process.execPath, [join(packageRoot, 'bin/dev.js'), ...args], {reject: false})

test('status --watch, ended by Ctrl-C, exits with its last status and prints only its readings', async () => {
  const child = isolctl('status', '--watch', '10ms', '--json')
  let looks = 0
  for await (const _line of child) if (++looks === 3) child.kill('SIGINT')
  const {stdout, exitCode} = await child
  expect(exitCode).toBeLessThan(4) // 0, or a status for drifted or unknown values of this machine
  for (const line of stdout.split('\n')) expect(JSON.parse(line).schema).toBe('isolctl.status/1')
})

test('a wait of more than 24.8 days does not end at once', async () => {
  const controller = new AbortController()
  const waiting = localHost().live.sleep(2 ** 31 + 5, controller.signal)
  const first = await Promise.race([waiting, sleep(200, 'still waits')])
  expect(first).toBe('still waits')
  controller.abort(new Interrupted())
  await expect(waiting).rejects.toThrow(Interrupted)
})

test('a wait is never shorter than asked for', async () => {
  for (const ms of [1, 1.5, 7, 20]) {
    const start = performance.now()
    await localHost().live.sleep(ms)
    expect(performance.now() - start).toBeGreaterThanOrEqual(ms)
  }
})

test('an interrupted wait rejects with Interrupted', async () => {
  const controller = new AbortController()
  const waiting = localHost().live.sleep(100_000, controller.signal)
  controller.abort(new Interrupted())
  await expect(waiting).rejects.toThrow(Interrupted)
})
