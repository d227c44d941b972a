// SPDX-License-Identifier: MIT
import {describe, expect, it} from 'vitest'
import {awaited, parseJournal, toUndo} from '../../src/model/journal.ts'
import {statusOf} from '../../src/plan/status.ts'
import {deltasOf, undo} from '../../src/plan/undo.ts'
import {alive, applyAll, contents, dieAt, machine, planOf, set} from './machine.ts'

const [ONE, TWO] = ['/proc/irq/1/smp_affinity_list', '/proc/irq/2/smp_affinity_list']
const BEFORE = {[ONE]: '0-7', [TWO]: '0-7'}
const BY = '2026-01-01T00:01:00.000Z'

/** Two runs: the first is permanent, the second has to be confirmed. */
async function twoRuns() {
  const m = machine(BEFORE)
  const cpulist = {format: 'cpulist'}
  await applyAll(planOf([set(ONE, '0-7', '0-3', cpulist)]), {...m.under(alive), run: 'first'})
  const second = planOf([set(ONE, '0-3', '0-1', cpulist), set(TWO, '0-7', '0-1', cpulist)])
  await applyAll(second, {...m.under(alive), run: 'second', confirmBy: BY})
  const entries = () => parseJournal(m.journal.text)
  const wanted = {bootId: 'boot', run: 'second', unlessConfirmed: true}
  /** The undo that the dead man's timer starts. */
  const deadline = async () => {
    const deltas = deltasOf(toUndo(entries(), wanted))
    if (deltas.length > 0) await Array.fromAsync(undo(deltas, m.under(alive)))
    return deltas.length
  }
  return {m, entries, deadline}
}

describe('a run that has to be confirmed', () => {
  it('is undone without a confirmation, and no other run is', async () => {
    const {m, entries, deadline} = await twoRuns()
    expect(awaited(entries(), 'boot')).toEqual({run: 'second', by: BY, bootId: 'boot', state: 'waiting'})
    expect(await deadline()).toBe(2)
    expect(contents(m)).toEqual({[ONE]: '0-3', [TWO]: '0-7'})
    expect(awaited(entries(), 'boot')?.state).toBe('undone')
  })

  it('stays after a confirmation, and status no longer lists it', async () => {
    const {m, entries, deadline} = await twoRuns()
    const seen = {bootId: 'boot', readings: new Map()}
    expect(statusOf(entries(), seen).awaiting).toEqual({run: 'second', by: BY})
    await m.under(alive).journal.append({op: 'confirmed', at: BY, run: 'second'})
    expect(await deadline()).toBe(0)
    expect(contents(m)).toEqual({[ONE]: '0-1', [TWO]: '0-1'})
    expect(awaited(entries(), 'boot')?.state).toBe('confirmed')
    expect(statusOf(entries(), seen).awaiting).toBeUndefined()
  })

  it('can no longer be confirmed when a part of it was undone; the rest is still overdue', async () => {
    const {m, entries, deadline} = await twoRuns()
    m.memory.files.set(TWO, '5')
    expect(await deadline()).toBe(2)
    expect(contents(m)).toEqual({[ONE]: '0-3', [TWO]: '5'})
    expect(awaited(entries(), 'boot')?.state).toBe('partly-undone')
    expect(statusOf(entries(), {bootId: 'boot', readings: new Map()}).awaiting).toBeUndefined()
    const overdue = toUndo(entries(), {bootId: 'boot', overdueAt: '2026-01-01T00:01:01.000Z'})
    expect(overdue.map(({change}) => 'path' in change && change.path)).toEqual([TWO])
  })

  it('is undone completely, wherever it was killed', async () => {
    for (let at = 0; at <= 7; at++) {
      const m = machine(BEFORE)
      const plan = planOf([set(ONE, '0-7', '0-1'), set(TWO, '0-7', '0-1')])
      await applyAll(plan, {...m.under(dieAt(at)), run: 'only', confirmBy: BY}).catch(() => {})
      const wanted = {bootId: 'boot', run: 'only', unlessConfirmed: true}
      const deltas = deltasOf(toUndo(parseJournal(m.journal.text), wanted))
      if (deltas.length > 0) await Array.fromAsync(undo(deltas, m.under(alive)))
      expect(contents(m)).toEqual(BEFORE)
    }
  })

  it('is overdue after its time or its boot; values that the reboot reverted are not', async () => {
    const {entries} = await twoRuns()
    const overdue = (bootId: string, overdueAt: string) => toUndo(entries(), {bootId, overdueAt}).length
    expect(overdue('boot', '2026-01-01T00:00:59.000Z')).toBe(0)
    expect(overdue('boot', '2026-01-01T00:01:01.000Z')).toBe(2)
    expect(overdue('another boot', '2026-01-01T00:00:01.000Z')).toBe(0)
    const m = machine({})
    const file = {kind: 'file', path: '/etc/systemd/system/isolctl.service', from: null, to: 'ours'} as const
    await applyAll(planOf([file]), {...m.under(alive), run: 'only', confirmBy: BY})
    const then = toUndo(parseJournal(m.journal.text), {
      bootId: 'another boot',
      overdueAt: '2026-01-01T00:00:01.000Z',
    })
    expect(then.map(({change}) => change.kind)).toEqual(['file'])
  })

  it('with an unknown id is an error for the operator, and nothing to do for the timer', async () => {
    const {entries} = await twoRuns()
    expect(() => toUndo(entries(), {bootId: 'boot', run: 'third'})).toThrow('there was no run third')
    expect(toUndo(entries(), {bootId: 'boot', run: 'third', unlessConfirmed: true})).toEqual([])
  })
})
