// SPDX-License-Identifier: MIT
/** The script of the guard in a real shell, with a systemctl that records its arguments. */
import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa, execaSync} from 'execa'
import {afterEach, beforeEach, expect, test, vi} from 'vitest'
import {guardScript} from '../../../src/kernel/install/units.ts'

let box: string
const log = () => join(box, 'state/trial.log')
const asked = () => readFile(join(box, 'asked'), 'utf8').catch(() => '')
const events = async () => {
  const text = await readFile(log(), 'utf8').catch(() => '')
  return [...text.matchAll(/^\S+ [0-9a-f-]{36} (\w+)$/gm)].map(([, event]) => event)
}
/**
 * The process group stands in for the control group of the unit: all its processes end together.
 */
let group: number | undefined
const guard = (seconds: number) => {
  const running = execa(
    '/bin/sh',
    ['-c', guardScript(seconds, {log: log(), confirmed: join(box, 'confirmed'), flushSeconds: 2})],
    {
      env: {PATH: `${box}:${process.env['PATH'] ?? ''}`},
      stdio: 'ignore',
      detached: true,
      reject: false,
    },
  )
  group = running.pid
  return running
}
const end = () => {
  if (group !== undefined) execaSync('kill', ['-KILL', '--', `-${group}`], {reject: false})
  group = undefined
}

beforeEach(async () => {
  box = await mkdtemp(join(tmpdir(), 'isolctl-guard-'))
  await writeFile(join(box, 'systemctl'), `#!/bin/sh\necho "$*" >>${box}/asked\n`, {mode: 0o755})
})
afterEach(end)
afterEach(() => rm(box, {recursive: true, force: true}))

test('logs that a trial started, and restarts the machine if the trial is not confirmed', async () => {
  await mkdir(join(box, 'state'))
  await guard(2)
  expect(await events()).toEqual(['started', 'late'])
  expect(await asked()).toBe('reboot --force --force\n')
})

test('does nothing to a confirmed trial', async () => {
  await mkdir(join(box, 'state'))
  await writeFile(join(box, 'confirmed'), '')
  await guard(2)
  expect(await events()).toEqual(['started'])
  expect(await asked()).toBe('')
})

test('writes to its log as soon as its disk is mounted', async () => {
  const running = guard(600)
  await sleep(500)
  await mkdir(join(box, 'state'))
  await vi.waitFor(async () => expect(await events()).toEqual(['started']), {timeout: 60_000, interval: 100})
  end()
  await running
})

test('restarts the machine also if the disk with its log is never mounted', async () => {
  await guard(1)
  expect(await asked()).toBe('reboot --force --force\n')
})
