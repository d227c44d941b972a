// SPDX-License-Identifier: MIT
import {freshBeside} from '../../src/host/fresh.ts'
import {type Host, HostError} from '../../src/host/host.ts'
import {type MemoryHost, memoryHost} from '../../src/host/memory.ts'
import {type Change, ChangeSchema} from '../../src/model/change.ts'
import {inForce, parseJournal} from '../../src/model/journal.ts'
import {type ApplyEvent, apply, type Outcome} from '../../src/plan/apply.ts'
import type {Journal} from '../../src/plan/journal-file.ts'
import type {Plan} from '../../src/plan/plan.ts'
import type {JournaledRun} from '../../src/plan/run.ts'
import {deltasOf, type Undone, undo} from '../../src/plan/undo.ts'

/**
 * The power is cut at the n-th operation (journal append or effect): that operation and all later
 * ones do not happen.
 */
export class PowerCut extends Error {}

/** Counts operations and decides what happens in each. The operation fails when it throws. */
export type Fate = (operation: number, kind: 'append' | 'effect', path: string) => void

export const dieAt =
  (n: number): Fate =>
  (operation) => {
    if (operation >= n) throw new PowerCut()
  }

export const failAt =
  (n: number, code: string): Fate =>
  (operation, kind, path) => {
    if (operation === n && kind === 'effect') throw new HostError(code, path, 'cannot write')
  }

/** The disk of the journal is full from the n-th operation on; the rest of the machine works. */
export const fullFrom =
  (n: number): Fate =>
  (operation, kind) => {
    if (operation >= n && kind === 'append') throw new HostError('ENOSPC', '/var/lib/isolctl', 'cannot write')
  }

export interface Machine {
  readonly host: Host
  readonly memory: MemoryHost
  /** The journal's text on disk. */
  readonly journal: {text: string}
  /** The number of operations so far. */
  count(): number
}

/** A machine in memory with a journal, on which every operation can be made to fail. */
export function machine(
  files: Readonly<Record<string, string>>,
): Machine & {under(fate: Fate): JournaledRun} {
  const memory = memoryHost(files)
  const journal = {text: ''}
  let operations = 0
  const under = (fate: Fate): JournaledRun => {
    operations = 0
    const entries = parseJournal(journal.text)
    const during = <T>(kind: 'append' | 'effect', path: string, body: () => T): T => {
      fate(operations++, kind, path)
      return body()
    }
    const host: Host = {
      ...memory,
      read: async (path) => {
        // A machine without power does not read either; reads are not counted.
        fate(operations, 'append', path)
        return memory.read(path)
      },
      set: async (path, value) => during('effect', path, () => memory.set(path, value)),
      // As local.ts does it: a temporary file beside the target, which is then renamed.
      writeFile: async (path, text) => {
        const fresh = freshBeside(path)
        if (text !== null) during('effect', path, () => memory.files.set(fresh, text))
        try {
          await during('effect', path, () => memory.writeFile(path, text))
        } catch (error) {
          if (error instanceof PowerCut) throw error
          memory.files.delete(fresh)
          throw error
        }
        memory.files.delete(fresh)
      },
      makeFolder: async (path, there) => during('effect', path, () => memory.makeFolder(path, there)),
      setAffinity: async (thread, cpus) =>
        during('effect', `/proc/${thread.tid}`, () => memory.setAffinity(thread, cpus)),
      run: async (argv) => during('effect', argv[0], () => memory.run(argv)),
    }
    const append: Journal['append'] = async (added) => {
      // One line at a time: a crash may leave any number of them.
      for (const entry of [added].flat())
        during('append', 'journal', () => {
          journal.text += `${JSON.stringify(entry)}\n`
        })
    }
    return {
      host,
      journal: {entries, append},
      clock: () => '2026-01-01T00:00:00Z',
      bootId: 'boot',
      isolctl: '0',
    }
  }
  return {memory, journal, host: memory, count: () => operations, under}
}

export const alive: Fate = () => {}

export async function applyAll(
  plan: Plan,
  options: JournaledRun,
): Promise<{events: ApplyEvent[]; outcome: Outcome}> {
  const events = await Array.fromAsync(apply(plan, options))
  const last = events.at(-1)
  if (last?.type !== 'end') throw new Error('apply ended without an outcome')
  return {events, outcome: last.outcome}
}

export async function undoAll(options: JournaledRun, {force = false} = {}): Promise<Undone[]> {
  const deltas = deltasOf(inForce(options.journal.entries, options.bootId))
  if (deltas.length === 0) return []
  const events = await Array.fromAsync(undo(deltas, {...options, force}))
  return events.flatMap((event) => (event.type === 'undo' ? [event.undone] : []))
}

export const planOf = (changes: readonly Change[]): Plan => ({
  schema: 'isolctl.plan/1',
  host: 'memory',
  isolated: '2-3',
  housekeeping: '0-1',
  steps: [
    {id: 'irq-affinity', title: 'first', check: 'c', blast: 'b', changes: changes.slice(0, 2), notes: []},
    {id: 'workqueue-cpumask', title: 'second', check: 'c', blast: 'b', changes: changes.slice(2), notes: []},
  ],
  unknown: [],
})

export const set = (path: string, from: string, to: string, more: object = {}): Change =>
  ChangeSchema.parse({kind: 'set', path, from, to, ...more})

export const contents = ({memory}: Machine) => Object.fromEntries(memory.files)
