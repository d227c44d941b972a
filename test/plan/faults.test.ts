// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import type {Change} from '../../src/model/change.ts'
import {inForce, parseJournal} from '../../src/model/journal.ts'
import type {Undone} from '../../src/plan/undo.ts'
import {taskFiles} from '../support/machine.ts'
import {alive, applyAll, dieAt, type Fate, failAt, machine, planOf, undoAll} from './machine.ts'

/** All kinds of changes on one machine, with all faults at every single operation. */
const IRQ = '/proc/irq/24/smp_affinity_list'
const CHOICE = '/sys/kernel/mm/transparent_hugepage/enabled'
/** A setting per CPU, which disappears when the CPU goes offline. */
const OF_CPU = '/sys/devices/system/cpu/cpu3/power/pm_qos_resume_latency_us'
const FOLDER = '/etc/isolctl.d'
const INSIDE = `${FOLDER}/inside`
const OTHER = '/etc/other'
const THREAD = {tid: 17, comm: 'rcu_preempt', start: '0'}

const FILES = {
  [IRQ]: '0-7\n',
  [CHOICE]: 'always\n',
  [OF_CPU]: '0\n',
  [OTHER]: 'was here\n',
  ...taskFiles({tid: THREAD.tid, comm: THREAD.comm, allowed: '0-7'}),
}

const STEPS: Readonly<Record<string, readonly Change[]>> = {
  irq: [{kind: 'set', path: IRQ, from: '0-7', to: '0-1', format: 'cpulist', avoid: '2-7', refusable: true}],
  choice: [{kind: 'set', path: CHOICE, from: 'always', to: 'madvise', format: 'choice'}],
  ofCpu: [{kind: 'set', path: OF_CPU, from: '0', to: 'n/a'}],
  thread: [{kind: 'affinity', ...THREAD, from: '0-7', to: '0-1'}],
  file: [{kind: 'file', path: OTHER, from: 'was here\n', to: 'ours\n'}],
  folder: [
    {kind: 'run', argv: null, undo: ['reload']},
    {kind: 'folder', path: FOLDER, from: null, to: ''},
    {kind: 'file', path: INSIDE, from: null, to: 'ours\n'},
    {kind: 'run', argv: ['reload'], undo: null},
  ],
}

/** Some of the changes, in any order. */
const plans = fc
  .shuffledSubarray(Object.keys(STEPS), {minLength: 1})
  .map((names) => names.flatMap((name) => [...(STEPS[name] ?? [])]))

type M = ReturnType<typeof machine>

/** The contents of the machine, including directories, without the kernel's final newline. */
const state = (m: M): Record<string, string> => ({
  ...Object.fromEntries([...m.memory.files].map(([path, text]) => [path, text.trim()])),
  ...Object.fromEntries([...m.memory.folders].map((path) => [`${path}/`, ''])),
})
const BEFORE = state(machine(FILES))

/** The places that an undo did not restore, with the reasons. */
const named = (undone: readonly Undone[]) =>
  undone.filter(({result}) => result === 'conflict' || result === 'failed')

/** Any error that it throws is expected. */
const survive = (promise: Promise<unknown>) => promise.then(() => {}).catch(() => {})

async function operationsOf(run: (m: M) => Promise<unknown>): Promise<number> {
  const m = machine(FILES)
  await run(m)
  return m.count()
}

/**
 * A fault at operation `at`. It may change the machine; undo cannot restore what the fault removed.
 */
interface Fault {
  readonly name: string
  fate(m: M, at: number): Fate
  /** Paths that may be missing afterwards. */
  readonly takes?: readonly string[]
}

const THREAD_FILES = Object.keys(taskFiles({tid: THREAD.tid, comm: THREAD.comm, allowed: '0-7'}))

const vanish = (name: string, takes: readonly string[]): Fault => ({
  name,
  takes,
  fate: (m, at) => (operation) => {
    if (operation === at) for (const path of takes) m.memory.files.delete(path)
  },
})

const FAULTS: readonly Fault[] = [
  {name: 'kill -9', fate: (_m, at) => dieAt(at)},
  ...['ENOSPC', 'EIO', 'EPERM', 'EBUSY'].map(
    (code): Fault => ({name: code, fate: (_m, at) => failAt(at, code)}),
  ),
  vanish('a vanished path', [CHOICE]),
  vanish('a thread that ends', THREAD_FILES),
  vanish('a CPU that is unplugged', [OF_CPU]),
]

/** The machine is as before, except for what the fault removed. */
function expectBefore(m: M, {takes = []}: Fault): void {
  const after = state(m)
  const lost = takes.filter((path) => !(path in after))
  const wanted = Object.fromEntries(Object.entries(BEFORE).filter(([path]) => !lost.includes(path)))
  expect(after).toEqual(wanted)
}

const patient = {timeout: 180_000}

describe.for(FAULTS)('$name', patient, (fault) => {
  it('at any operation of apply: undo restores the machine and reports nothing', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const total = await operationsOf((m) => applyAll(planOf(plan), m.under(alive)))
        for (let at = 0; at <= total; at++) {
          const m = machine(FILES)
          await survive(applyAll(planOf(plan), m.under(fault.fate(m, at))))
          expect(named(await undoAll(m.under(alive)))).toEqual([])
          expectBefore(m, fault)
          expect(inForce(parseJournal(m.journal.text), 'boot')).toEqual([])
        }
      }),
      {numRuns: 15},
    )
  })

  it('at any operation of undo: the failure is reported, and a second undo finishes', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const total = await operationsOf(async (m) => {
          await applyAll(planOf(plan), m.under(alive))
          await undoAll(m.under(alive))
        })
        for (let at = 0; at <= total; at++) {
          const m = machine(FILES)
          await applyAll(planOf(plan), m.under(alive))
          let said: readonly Undone[] = []
          await survive(
            undoAll(m.under(fault.fate(m, at))).then((undone) => {
              said = undone
            }),
          )
          // A run that ended either undid everything or reported what it could not undo.
          if (said.length > 0 && named(said).length === 0) expectBefore(m, fault)
          expect(named(await undoAll(m.under(alive)))).toEqual([])
          expectBefore(m, fault)
          expect(await undoAll(m.under(alive))).toEqual([])
        }
      }),
      {numRuns: 15},
    )
  })
})

describe('another program', patient, () => {
  it('that writes after any operation of apply is reported by undo, and its value stays', async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.constantFrom(CHOICE, OTHER, IRQ), async (plan, path) => {
        if (!plan.some((change) => 'path' in change && change.path === path)) return
        const total = await operationsOf((m) => applyAll(planOf(plan), m.under(alive)))
        for (let at = 0; at <= total; at++) {
          const m = machine(FILES)
          const fate: Fate = (operation) => {
            if (operation === at) m.memory.files.set(path, '5')
          }
          const run = applyAll(planOf(plan), m.under(fate)).catch(() => undefined)
          const applied = (await run)?.outcome.status === 'applied'
          const written = m.memory.files.get(path) === '5'
          const left = named(await undoAll(m.under(alive))).map(({delta}) => delta.back)
          const after = state(m)
          // isolctl wrote later and its value was undone with the other one; or the other value is
          // still there, and was reported if isolctl had written before.
          if (!written) expect(after[path]).toBe(BEFORE[path])
          else expect(after[path]).toBe('5')
          if (applied && written && at < total)
            expect(left.map((change) => 'path' in change && change.path)).toEqual([path])
          delete after[path]
          const {[path]: _, ...rest} = BEFORE
          expect(after).toEqual(rest)
        }
      }),
      {numRuns: 30},
    )
  })

  it('that gets the id of a thread that ended is never moved', async () => {
    const plan = [...(STEPS['thread'] ?? [])]
    const reuse = (m: M, allowed: string): void => {
      for (const [path, text] of Object.entries(taskFiles({tid: THREAD.tid, comm: 'stranger', allowed})))
        m.memory.files.set(path, path.endsWith('/stat') ? restarted(text) : text)
    }
    const total = await operationsOf((m) => applyAll(planOf(plan), m.under(alive)))
    for (let at = 0; at < total; at++) {
      const m = machine(FILES)
      let theirs: Record<string, string> | undefined
      const fate: Fate = (operation) => {
        if (operation !== at || theirs !== undefined) return
        reuse(m, '0-7')
        theirs = state(m)
      }
      await survive(applyAll(planOf(plan), m.under(fate)))
      expect(state(m)).toEqual(theirs)
    }
    const m = machine(FILES)
    await applyAll(planOf(plan), m.under(alive))
    reuse(m, '0-1') // where the thread before it had been moved
    const theirs = state(m)
    expect((await undoAll(m.under(alive))).map(({result}) => result)).toEqual(['gone'])
    expect(state(m)).toEqual(theirs)
  })
})

/** The same line with another start time: field 22. */
function restarted(stat: string): string {
  const end = stat.lastIndexOf(')') + 2
  const fields = stat.slice(end).split(' ')
  fields[22 - 3] = '4711'
  return stat.slice(0, end) + fields.join(' ')
}
