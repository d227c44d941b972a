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
 * Any sequence of changes that fits together: each begins with what the one before left. Paths repeat, so there are
 * chains; values repeat, so a chain may come back to where it began.
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

/** As before, where texts of the kernel's files are compared without their newline. */
const state = (m: Machine) =>
  Object.fromEntries(Object.entries(contents(m)).map(([path, text]) => [path, text.trim()]))
const before = Object.fromEntries(Object.entries(BEFORE).map(([path, text]) => [path, text.trim()]))

/** How many operations a run takes when nothing goes wrong. */
async function operationsOf(run: (m: ReturnType<typeof machine>) => Promise<unknown>): Promise<number> {
  const m = machine(BEFORE)
  await run(m)
  return m.count()
}

/** Run it with something going wrong; whatever that throws is part of the story. */
const survive = (promise: Promise<unknown>) => promise.catch(() => {})

const forEach = (check: (plan: readonly Change[]) => Promise<void>) =>
  fc.assert(fc.asyncProperty(changes, check), {numRuns: 20})

/** A busy machine must not make these fail. */
const patient = {timeout: 120_000}

describe('a crash', patient, () => {
  it('anywhere in apply: undo brings the machine back', async () => {
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

  it('anywhere in undo: undo again brings the machine back', async () => {
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
        expect(await undoAll(m.under(alive))).toEqual([]) // nothing is left to undo
      }
    })
  })

  it('anywhere while a failed apply is being taken back: undo brings the machine back', async () => {
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

  it('in the second of two runs: undo takes back both', async () => {
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
  it('at any effect of apply: the run is taken back and the machine is as it was', async () => {
    await forEach(async (plan) => {
      const total = await operationsOf((m) => applyAll(planOf(plan), m.under(alive)))
      for (let at = 0; at < total; at++) {
        const m = machine(BEFORE)
        const {outcome, events} = await applyAll(planOf(plan), m.under(failAt(at, code)))
        if (outcome.status === 'applied') continue // the operation was no effect
        expect(outcome.status).toBe('undone')
        expect(outcome.error.message).toContain(code)
        expect(events.some(({type}) => type === 'failed')).toBe(true)
        expect(state(m)).toEqual(before)
        expect(inForce(parseJournal(m.journal.text), 'boot')).toEqual([])
      }
    })
  })

  it('at any effect of undo: it is named, the rest is done, and undo again finishes', async () => {
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

it('a full disk under the journal, from any point on: nothing is left changed', patient, async () => {
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
