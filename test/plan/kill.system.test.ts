// SPDX-License-Identifier: MIT
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, readFileSync} from 'node:fs'
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterEach, beforeEach, expect, test} from 'vitest'
import {work} from './fixtures/directory-machine.ts'

const BEFORE: Readonly<Record<string, string>> = {
  '/proc/irq/24/smp_affinity_list': '0-7\n',
  '/proc/irq/25/smp_affinity_list': '4\n',
  '/proc/irq/26/smp_affinity_list': '2,5\n',
}

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  const files = {...BEFORE, '/proc/sys/kernel/random/boot_id': 'boot\n'}
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), {recursive: true})
    await writeFile(join(root, path), text)
  }
})
afterEach(() => rm(root, {recursive: true}))

/**
 * Start a process that applies or undoes, and kill -9 it when the journal has this number of lines.
 */
async function killAt(lines: number, what: 'apply' | 'undo'): Promise<void> {
  const program = join(import.meta.dirname, 'fixtures/slow-run.ts')
  const child = spawn(process.execPath, [program, root, what], {stdio: 'inherit'})
  const ended = once(child, 'exit')
  const journal = join(root, 'state/journal.jsonl')
  const length = () => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length - 1 : 0)
  while (child.exitCode === null && length() < lines) await sleep(1)
  child.kill('SIGKILL')
  await ended
}

const contents = () =>
  Object.fromEntries(Object.keys(BEFORE).map((path) => [path, readFileSync(join(root, path), 'utf8')]))

// The lines: begin, then intent and done of three changes, then end.
test.for([2, 3, 6])('apply killed after %i journal entries is undone', {timeout: 60_000}, async (lines) => {
  await killAt(lines, 'apply')
  await work('undo', {root, slowMs: 0})
  expect(contents()).toEqual(BEFORE)
})

// The lines: the eight of apply, begin, and undone for each of the three changes.
test.for([9, 10])(
  'undo killed after %i journal entries is finished by undo',
  {timeout: 60_000},
  async (lines) => {
    await work('apply', {root, slowMs: 0})
    expect(contents()).not.toEqual(BEFORE)
    await killAt(lines, 'undo')
    await work('undo', {root, slowMs: 0})
    expect(contents()).toEqual(BEFORE)
  },
)
