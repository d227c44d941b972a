// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import type {Change} from '../../src/model/change.ts'
import {inForce, parseJournal} from '../../src/model/journal.ts'
import {
  alive,
  applyAll,
  contents,
  dieAt,
  type Fate,
  failAt,
  fullFrom,
  type Machine,
  machine,
  planOf,
  undoAll,
} from './machine.ts'

const KERNEL = [
  '/proc/irq/1/smp_affinity_list',
  '/proc/irq/2/smp_affinity_list',
  '/sys/devices/virtual/workqueue/cpumask',
]
const FILES = ['/etc/one', '/etc/two']
const BEFORE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(KERNEL.map((path) => [path, '0-7\n'])),
  '/etc/one': 'was here\n',
}

/**
 * Any sequence of changes that fits together: each begins with the value that the one before wrote.
 * Paths repeat, so there are chains; values repeat, so a chain may return to its first value.
 */
const changes = fc
  .array(
    fc.record({path: fc.constantFrom(...KERNEL, ...FILES), value: fc.constantFrom('0', '0-1', '1', null)}),
    {minLength: 1, maxLength: 6},
  )
  .map((wanted) => {
    const state = new Map<string, string | null>(Object.entries(BEFORE))
    return wanted.flatMap(({path, value}): Change[] => {
      const from = state.get(path) ?? null
      if (from === value || (KERNEL.includes(path) && value === null)) return []
      state.set(path, value)
      return KERNEL.includes(path)
        ? [{kind: 'set', path, from: (from ?? '').trim(), to: value ?? '', format: 'cpulist'}]
        : [{kind: 'file', path, from, to: value}]
    })
  })

/** The machine is as before; kernel files are compared without their newline. */
const state = (m: Machine) =>
  Object.fromEntries(Object.entries(contents(m)).map(([path, text]) => [path, text.trim()]))
const before = Object.fromEntries(Object.entries(BEFORE).map(([path, text]) => [path, text.trim()]))

/** The number of operations of a run without faults. */
async function operationsOf(run: (m: ReturnType<typeof machine>) => Promise<unknown>): Promise<number> {
  const m = machine(BEFORE)
  await run(m)
  return m.count()
}

/** Run it with a fault; any error that it throws is expected. */
const survive = (promise: Promise<unknown>) => promise.catch(() => {})

const forEach = (check: (plan: readonly Change[]) => Promise<void>) =>
  fc.assert(fc.asyncProperty(changes, check), {numRuns: 20})

/** Long enough for a busy machine. */
const patient = {timeout: 120_000}

describe('a crash', patient, () => {
  it('anywhere in apply: undo restores the machine', async () => {
    await forEach(async (plan) => {
      const total = await operationsOf((m) => applyAll(planOf(plan), m.under(alive)))
      for (let at = 0; at <= total; at++) {
        const m = machine(BEFORE)
        await survive(applyAll(planOf(plan), m.under(dieAt(at))))
        const undone = await undoAll(m.under(alive))
        expect(undone.filter(({result}) => result === 'conflict' || result === 'failed')).toEqual([])
        expect(state(m)).toEqual(before)
        expect(inForce(parseJournal(m.journal.text), 'boot')).toEqual([])
      }
    })
  })

  it('anywhere in undo: a second undo restores the machine', async () => {
    await forEach(async (plan) => {
      const total = await operationsOf(async (m) => {
        await applyAll(planOf(plan), m.under(alive))
        await undoAll(m.under(alive))
      })
      for (let at = 0; at <= total; at++) {
        const m = machine(BEFORE)
        await applyAll(planOf(plan), m.under(alive))
        await survive(undoAll(m.under(dieAt(at))))
        await undoAll(m.under(alive))
        expect(state(m)).toEqual(before)
        expect(await undoAll(m.under(alive))).toEqual([]) // nothing remains to undo
      }
    })
  })

  it('anywhere in the undo of a failed apply: undo restores the machine', async () => {
    const plan: Change[] = KERNEL.map((path) => ({
      kind: 'set',
      path,
      from: '0-7',
      to: '0-1',
      format: 'cpulist',
    }))
    for (let at = 0; at < 30; at++) {
      const m = machine(BEFORE)
      const both: Fate = (operation, kind, path) => {
        dieAt(at)(operation, kind, path)
        if (path === KERNEL[2] && kind === 'effect') failAt(operation, 'ENOSPC')(operation, kind, path)
      }
      await survive(applyAll(planOf(plan), m.under(both)))
      await undoAll(m.under(alive))
      expect(state(m)).toEqual(before)
    }
  })

  it('in the second of two runs: undo reverts both', async () => {
    const [first = '', second = ''] = KERNEL
    const one: Change[] = [{kind: 'set', path: first, from: '0-7', to: '0-3', format: 'cpulist'}]
    const two: Change[] = [
      {kind: 'set', path: first, from: '0-3', to: '0-1', format: 'cpulist'},
      {kind: 'set', path: second, from: '0-7', to: '0-1', format: 'cpulist'},
    ]
    for (let at = 0; at <= 8; at++) {
      const m = machine(BEFORE)
      await applyAll(planOf(one), m.under(alive))
      await survive(applyAll(planOf(two), m.under(dieAt(at))))
      await undoAll(m.under(alive))
      expect(state(m)).toEqual(before)
    }
  })
})

describe.each(['ENOSPC', 'EIO', 'EPERM', 'ENOENT', 'EINVAL'])('%s', patient, (code) => {
  it('at any effect of apply: the run is undone and the machine is as before', async () => {
    await forEach(async (plan) => {
      const total = await operationsOf((m) => applyAll(planOf(plan), m.under(alive)))
      for (let at = 0; at < total; at++) {
        const m = machine(BEFORE)
        const {outcome, events} = await applyAll(planOf(plan), m.under(failAt(at, code)))
        if (outcome.status === 'applied') continue // the operation was not an effect
        expect(outcome.status).toBe('undone')
        expect(outcome.error.message).toContain(code)
        expect(events.some(({type}) => type === 'failed')).toBe(true)
        expect(state(m)).toEqual(before)
        expect(inForce(parseJournal(m.journal.text), 'boot')).toEqual([])
      }
    })
  })

  it('at any effect of undo: it is reported, the rest is undone, and a second undo finishes', async () => {
    await forEach(async (plan) => {
      const total = await operationsOf(async (m) => {
        await applyAll(planOf(plan), m.under(alive))
        await undoAll(m.under(alive))
      })
      for (let at = 0; at < total; at++) {
        const m = machine(BEFORE)
        await applyAll(planOf(plan), m.under(alive))
        const undone = await undoAll(m.under(failAt(at, code)))
        const failed = undone.filter(({result}) => result === 'failed')
        if (failed.length === 0) expect(state(m)).toEqual(before)
        else expect(failed[0]?.reason).toContain(code)
        await undoAll(m.under(alive))
        expect(state(m)).toEqual(before)
      }
    })
  })
})

it('a full disk under the journal, from any point on: no change remains', patient, async () => {
  await forEach(async (plan) => {
    const total = await operationsOf((m) => applyAll(planOf(plan), m.under(alive)))
    for (let at = 0; at < total; at++) {
      const m = machine(BEFORE)
      const fate: Fate = (operation, kind, path) => {
        if (path === 'journal') fullFrom(at)(operation, kind, path)
      }
      await survive(applyAll(planOf(plan), m.under(fate)))
      expect(state(m)).toEqual(before)
      await undoAll(m.under(alive))
      expect(state(m)).toEqual(before)
    }
  })
})
