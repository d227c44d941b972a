// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import type {Change} from '../../src/model/change.ts'
import {inForce, parseJournal} from '../../src/model/journal.ts'
import type {Undone} from '../../src/plan/undo.ts'
import {taskFiles} from '../support/machine.ts'
import {alive, applyAll, dieAt, type Fate, failAt, machine, planOf, undoAll} from './machine.ts'

/** Every kind of change there is, on one machine, with everything that can go wrong at every single operation. */
const IRQ = '/proc/irq/24/smp_affinity_list'
const CHOICE = '/sys/kernel/mm/transparent_hugepage/enabled'
/** A CPU's own setting: gone when the CPU is. */
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

/** Some of them, in any order. */
const plans = fc
  .shuffledSubarray(Object.keys(STEPS), {minLength: 1})
  .map((names) => names.flatMap((name) => [...(STEPS[name] ?? [])]))

type M = ReturnType<typeof machine>

/** What the machine holds, directories included; the kernel's newline at the end means nothing. */
const state = (m: M): Record<string, string> => ({
  ...Object.fromEntries([...m.memory.files].map(([path, text]) => [path, text.trim()])),
  ...Object.fromEntries([...m.memory.folders].map((path) => [`${path}/`, ''])),
})
const BEFORE = state(machine(FILES))

/** The places an undo said it left, and why. */
const named = (undone: readonly Undone[]) =>
  undone.filter(({result}) => result === 'conflict' || result === 'failed')

/** Whatever it throws is part of the story. */
const survive = (promise: Promise<unknown>) => promise.then(() => {}).catch(() => {})

async function operationsOf(run: (m: M) => Promise<unknown>): Promise<number> {
  const m = machine(FILES)
  await run(m)
  return m.count()
}

/** One thing that goes wrong at operation `at`. It may change the machine: what it took away is not ours to bring back. */
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

/** As before, but for what the fault itself took away. */
function expectBefore(m: M, {takes = []}: Fault): void {
  const after = state(m)
  const lost = takes.filter((path) => !(path in after))
  const wanted = Object.fromEntries(Object.entries(BEFORE).filter(([path]) => !lost.includes(path)))
  expect(after).toEqual(wanted)
}

const patient = {timeout: 180_000}

describe.for(FAULTS)('$name', patient, (fault) => {
  it('at any operation of apply: undo brings the machine back, with nothing left to say', async () => {
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

  it('at any operation of undo: what failed is named, and undo again finishes', async () => {
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
          // Alive to its end, it either did all or named what it could not do.
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

describe('somebody else', patient, () => {
  it('who writes after any operation of apply is named by undo, and what he wrote is left', async () => {
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
          // Ours came after his, and his went with it; or his is there still, and was named if we had been there first.
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

  it('who uses the number of a thread that ended is never moved', async () => {
    const plan = [...(STEPS['thread'] ?? [])]
    const reuse = (m: M, allowed: string): void => {
      for (const [path, text] of Object.entries(taskFiles({tid: THREAD.tid, comm: 'somebody', allowed})))
        m.memory.files.set(path, path.endsWith('/stat') ? restarted(text) : text)
    }
    const total = await operationsOf((m) => applyAll(planOf(plan), m.under(alive)))
    for (let at = 0; at < total; at++) {
      const m = machine(FILES)
      let his: Record<string, string> | undefined
      const fate: Fate = (operation) => {
        if (operation !== at || his !== undefined) return
        reuse(m, '0-7')
        his = state(m)
      }
      await survive(applyAll(planOf(plan), m.under(fate)))
      expect(state(m)).toEqual(his)
    }
    const m = machine(FILES)
    await applyAll(planOf(plan), m.under(alive))
    reuse(m, '0-1') // where we had put the one before him
    const his = state(m)
    expect((await undoAll(m.under(alive))).map(({result}) => result)).toEqual(['gone'])
    expect(state(m)).toEqual(his)
  })
})

/** The same line, with another start time: field 22. */
function restarted(stat: string): string {
  const end = stat.lastIndexOf(')') + 2
  const fields = stat.slice(end).split(' ')
  fields[22 - 3] = '4711'
  return stat.slice(0, end) + fields.join(' ')
}
