// SPDX-License-Identifier: MIT
import {describe, expect, it} from 'vitest'
import type {Change} from '../../src/model/change.ts'
import {inForce, parseJournal} from '../../src/model/journal.ts'
import {changesInForce, readPlaces, statusOf} from '../../src/plan/status.ts'
import {deltasOf, rehearse} from '../../src/plan/undo.ts'
import {statusExit, statusReport} from '../../src/report/status.ts'
import {undoExit, undoReport} from '../../src/report/undo.ts'
import {StatusSchema, UndoSchema} from '../../src/schema/machine.ts'
import {alive, applyAll, contents, type Machine, machine, planOf, set, undoAll} from './machine.ts'

const A = '/proc/irq/1/smp_affinity_list'
const B = '/proc/irq/2/smp_affinity_list'
const before = {[A]: '0-7', [B]: '0-7'}
const plan = planOf([set(A, '0-7', '0-1', {format: 'cpulist'}), set(B, '0-7', '0-1', {format: 'cpulist'})])

async function applied() {
  const m = machine(before)
  await applyAll(plan, m.under(alive))
  return m
}

const results = async (undone: ReturnType<typeof undoAll>) => (await undone).map(({result}) => result)

async function status(m: Machine, bootId = 'boot') {
  const entries = parseJournal(m.journal.text)
  const readings = await readPlaces(m.host, changesInForce(entries, bootId))
  return StatusSchema.parse(statusReport(statusOf(entries, {bootId, readings}), {host: 'memory', bootId}))
}

it('undoes a partition that the kernel made invalid: "isolated invalid" results from our value', async () => {
  const path = '/sys/fs/cgroup/isolctl/cpuset.cpus.partition'
  const m = machine({[path]: 'member\n'})
  const options = m.under(alive)
  const host = {
    ...options.host,
    set: async (to: string, value: string) => {
      m.memory.files.set(
        to,
        value === 'isolated' ? 'isolated invalid (Cpu list in cpuset.cpus not exclusive)\n' : value,
      )
    },
  }
  const {outcome} = await applyAll(planOf([set(path, 'member', 'isolated')]), {...options, host})
  expect(outcome).toMatchObject({
    status: 'undone',
    error: {message: expect.stringContaining('isolated invalid')},
  })
  expect(m.memory.files.get(path)).toBe('member')
})

it('needs no systemd to undo files that systemd reads', async () => {
  const path = '/etc/systemd/system/isolctl.service'
  const m = machine({})
  const changes = [
    {kind: 'run', argv: null, undo: ['systemctl', 'daemon-reload']},
    {kind: 'file', path, from: null, to: 'ours'},
  ] as const
  await applyAll(planOf(changes), m.under(alive))
  await undoAll(m.under(alive))
  expect(m.memory.ran).toEqual([])
  m.memory.folders.add('/run/systemd/system')
  await applyAll(planOf(changes), m.under(alive))
  await undoAll(m.under(alive))
  expect(m.memory.ran).toEqual([['systemctl', 'daemon-reload']])
})

describe('undo', () => {
  it('reverts the newest change first, and does nothing the second time', async () => {
    const m = await applied()
    const undone = await undoAll(m.under(alive))
    expect(undone.map(({delta}) => delta.back.kind === 'set' && delta.back.path)).toEqual([B, A])
    expect(contents(m)).toEqual(before)
    expect(await undoAll(m.under(alive))).toEqual([])
  })

  it('reports a value that another program wrote since, and does not change it', async () => {
    const m = await applied()
    m.memory.files.set(B, '3')
    const undone = await undoAll(m.under(alive))
    const report = UndoSchema.parse(undoReport(undone, {host: 'memory', dryRun: false}))
    expect(report.changes[0]).toMatchObject({subject: B, result: 'conflict', found: '3'})
    expect(undoExit(report)).toBe(1)
    expect(contents(m)).toEqual({[A]: '0-7', [B]: '3'})
    expect(await results(undoAll(m.under(alive), {force: true}))).toEqual(['undone'])
    expect(contents(m)).toEqual(before)
  })

  it('recognizes its own value in another spelling', async () => {
    const m = await applied()
    m.memory.files.set(A, '0,1\n')
    expect(await results(undoAll(m.under(alive)))).toEqual(['undone', 'undone'])
  })

  it('reports "same" when another program has restored the value', async () => {
    const m = await applied()
    m.memory.files.set(A, '0-7')
    expect(await results(undoAll(m.under(alive)))).toEqual(['undone', 'same'])
  })

  it('reports "gone" when the device was removed', async () => {
    const m = await applied()
    m.memory.files.delete(A)
    expect(await results(undoAll(m.under(alive)))).toEqual(['undone', 'gone'])
    expect(await undoAll(m.under(alive))).toEqual([])
  })

  it('does not restore values of an earlier boot, but does undo files', async () => {
    const m = machine(before)
    const file: Change = {kind: 'file', path: '/etc/default/grub.d/60-isolctl.cfg', from: null, to: 'x\n'}
    await applyAll(planOf([set(A, '0-7', '0-1', {format: 'cpulist'}), file]), m.under(alive))
    m.memory.files.set(A, '0-7') // the reboot
    const options = {...m.under(alive), bootId: 'next'}
    expect((await status(m, 'next')).goneAtReboot).toBe(1)
    expect((await undoAll(options)).map(({delta}) => delta.back.kind)).toEqual(['file'])
    expect(contents(m)).toEqual(before)
  })

  it('keeps a value that another program wrote between two runs', async () => {
    const m = await applied()
    m.memory.files.set(A, '0-3')
    await applyAll(planOf([set(A, '0-3', '1', {format: 'cpulist'})]), m.under(alive))
    const undone = await undoAll(m.under(alive))
    expect(undone.map(({result}) => result)).toEqual(['undone', 'undone', 'conflict'])
    expect(contents(m)).toEqual({[A]: '0-3', [B]: '0-7'})
  })

  it('runs the command of a step after its files, in both directions', async () => {
    const m = machine({})
    const update = ['update-grub'] as const
    const changes: Change[] = [
      {kind: 'run', argv: null, undo: [...update]},
      {kind: 'file', path: '/etc/default/grub.d/60-isolctl.cfg', from: null, to: 'x\n'},
      {kind: 'run', argv: [...update], undo: null},
    ]
    const seen: string[] = []
    const options = m.under((_, kind, path) => {
      if (kind === 'effect') seen.push(path)
    })
    await applyAll(planOf(changes), options)
    await undoAll(
      m.under((_, kind, path) => {
        if (kind === 'effect') seen.push(path)
      }),
    )
    const file = '/etc/default/grub.d/60-isolctl.cfg'
    // A write is two effects, a removal is one.
    expect(seen).toEqual([file, file, 'update-grub', file, 'update-grub'])
  })

  it('can be rehearsed without a change', async () => {
    const m = await applied()
    m.memory.files.set(B, '3')
    const picture = contents(m)
    const results = await rehearse(deltasOf(inForce(parseJournal(m.journal.text), 'boot')), {host: m.host})
    expect(results.map(({result}) => result)).toEqual(['conflict', 'undone'])
    expect(contents(m)).toEqual(picture)
  })
})

describe('status', () => {
  it('is in-force when everything is as apply left it', async () => {
    const report = await status(await applied())
    expect([report.ok, statusExit(report)]).toEqual([true, 0])
    expect(report.changes.map(({subject, from, to}) => [subject, from, to])).toEqual([
      [B, '0-7', '0-1'],
      [A, '0-7', '0-1'],
    ])
  })

  it('distinguishes drifted, reverted and gone', async () => {
    const m = await applied()
    m.memory.files.set(A, '5')
    m.memory.files.set(B, '0-7')
    expect((await status(m)).changes).toMatchObject([{state: 'reverted'}, {state: 'drifted', found: '5'}])
    m.memory.files.delete(A)
    expect((await status(m)).changes[1]).toMatchObject({state: 'gone'})
    expect(statusExit(await status(m))).toBe(1)
  })

  it('lists a run that was killed', async () => {
    const m = await applied()
    m.journal.text = m.journal.text.replace(/.*"op":"end".*\n/, '')
    const report = await status(m)
    expect([report.unfinished.length, report.ok]).toEqual([1, false])
    await undoAll(m.under(alive))
    expect((await status(m)).unfinished).toEqual([])
  })

  it('is unknown when nothing can be read', async () => {
    const m = await applied()
    const entries = parseJournal(m.journal.text)
    const host = {...m.host, read: async () => Promise.reject(new Error('cannot read it: EACCES'))}
    const readings = await readPlaces(host, changesInForce(entries, 'boot'))
    const report = statusReport(statusOf(entries, {bootId: 'boot', readings}), {host: 'h', bootId: 'boot'})
    expect(statusExit(report)).toBe(3)
  })
})
