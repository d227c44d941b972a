// SPDX-License-Identifier: MIT
import {chmod, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, expect, test} from 'vitest'
import {memoryHost} from '../../src/host/memory.ts'
import {session} from '../../src/plan/session.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
})
afterEach(() => rm(folder, {recursive: true}))

const host = memoryHost({'/proc/sys/kernel/random/boot_id': 'boot\n'})
const state = () => join(folder, 'state')
const open = () =>
  session(
    host,
    {clock: () => '2026-01-01T00:00:00Z', isolctl: '0', stateDirectory: state()},
    async () => 'opened',
  )

async function journalWith(change: object): Promise<void> {
  const at = '2026-01-01T00:00:00Z'
  const begin = {
    op: 'begin',
    schema: 'isolctl.journal/1',
    at,
    run: 'r',
    command: 'apply',
    bootId: 'boot',
    pid: 1,
    isolctl: '0',
  }
  const entries = [begin, {op: 'intent', at, seq: 1, step: 'irq-affinity', change}, {op: 'done', at, seq: 1}]
  await mkdir(state(), {mode: 0o700})
  await writeFile(
    join(state(), 'journal.jsonl'),
    entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''),
    {
      mode: 0o600,
    },
  )
}

test('a journal with what a step may do is opened', async () => {
  await journalWith({kind: 'set', path: '/proc/irq/24/smp_affinity_list', from: '0-7', to: '0-1'})
  expect(await open()).toBe('opened')
})

test.for([
  {kind: 'run', argv: null, undo: ['sh', '-c', 'id']},
  {kind: 'run', argv: ['sh', '-c', 'id'], undo: null},
  {kind: 'file', path: '/etc/cron.d/x', from: 'evil', to: null},
  {kind: 'set', path: '/proc/sys/kernel/core_pattern', from: '|/tmp/x', to: 'core'},
])('a journal with %j is refused', async (change) => {
  await journalWith(change)
  await expect(open()).rejects.toMatchObject({exit: 69, code: 'journal-foreign'})
  expect(host.ran).toEqual([])
})

test('a journal, or its directory, that others can write to is refused', async () => {
  await journalWith({kind: 'set', path: '/proc/irq/24/smp_affinity_list', from: '0-7', to: '0-1'})
  await chmod(join(state(), 'journal.jsonl'), 0o666)
  await expect(open()).rejects.toMatchObject({exit: 69, code: 'not-trusted'})
  await chmod(join(state(), 'journal.jsonl'), 0o600)
  await chmod(state(), 0o777)
  await expect(open()).rejects.toMatchObject({exit: 69, code: 'not-trusted'})
})
