// SPDX-License-Identifier: MIT
import type {Host} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {
  avoids,
  type Change,
  type ContentChange,
  isVolatile,
  placeOf,
  sameText,
  sameValue,
  subjectOf,
} from '../model/change.ts'
import {type InForce, type Intent, lastSeq} from '../model/journal.ts'
import {current, effect, lagging, refusal} from './effect.ts'
import type {Plan, PlannedStep} from './plan.ts'
import {beginRun, type JournaledRun} from './run.ts'
import {deltasOf, takeBack, type Undone} from './undo.ts'

export type ApplyEvent =
  | {readonly type: 'step'; readonly step: PlannedStep}
  | {
      readonly type: 'change'
      readonly change: Change
      /**
       * same: the value was already there; refused: the kernel refused, nothing was changed; gone:
       * the thread has ended.
       */
      readonly result: 'done' | 'same' | 'refused' | 'gone'
      readonly reason?: string
    }
  /**
   * Written and read back, but the interrupt still goes to `effective` until it fires the next
   * time.
   */
  | {readonly type: 'pending'; readonly change: Change; readonly effective: string}
  | {readonly type: 'failed'; readonly step: PlannedStep | undefined; readonly error: Error}
  /** A change of this run was undone after a failure. */
  | {readonly type: 'undo'; readonly undone: Undone}
  | {readonly type: 'end'; readonly outcome: Outcome}

export type Outcome =
  | {readonly status: 'applied'; readonly run: string}
  /** Failed or interrupted. undone: the machine is as before; not-undone: it is not. */
  | {readonly status: 'undone' | 'not-undone'; readonly run: string; readonly error: Error}

/**
 * Carry out a plan: each change is written to the journal, made, read back, and confirmed in the
 * journal. After the first failure, and when the signal aborts, the changes of this run are undone,
 * newest first. Ends with an `end` event. Throws UserError only before the first change: when the
 * machine differs from the one in the plan, or when the journal cannot be written.
 */
export async function* apply(plan: Plan, options: JournaledRun): AsyncGenerator<ApplyEvent> {
  const {host, journal, clock} = options
  await refuseStale(plan, host)
  const run = await beginRun('apply', options)
  const made: InForce[] = [] // newest first
  const seq = counter(lastSeq(journal.entries))
  let step: PlannedStep | undefined
  try {
    for (step of plan.steps.filter(({changes}) => changes.length > 0)) {
      yield {type: 'step', step}
      const {id} = step
      const announce = (change: Change): Intent => ({op: 'intent', at: clock(), seq: seq(), step: id, change})
      const begun = (intent: Intent) => made.unshift({...intent, run, certain: false})
      for (const batch of batchesOf(step.changes)) yield* carryOut(batch, {...options, announce, begun})
    }
    yield* latecomers(
      made.map(({change}) => change),
      options,
    )
    await journal.append({op: 'end', at: clock(), outcome: 'complete'})
  } catch (cause) {
    const error = cause as Error
    yield {type: 'failed', step, error}
    let undone = true
    // Without the signal: the first Ctrl-C caused this undo and must not stop it. A second one has
    // Node.js's default action.
    for await (const event of takeBack(deltasOf(made), {host, journal, clock})) {
      undone &&= event.result !== 'conflict' && event.result !== 'failed'
      // "same": the change that failed had no effect.
      if (event.result !== 'same') yield {type: 'undo', undone: event}
    }
    await journal.append({op: 'end', at: clock(), outcome: 'incomplete'}).catch(() => {})
    yield {type: 'end', outcome: {status: undone ? 'undone' : 'not-undone', run, error}}
    return
  }
  yield {type: 'end', outcome: {status: 'applied', run}}
}

/** Returns the numbers after `last`. */
function counter(last: number): () => number {
  let value = last
  return () => ++value
}

/**
 * The number of intents per fsync: enough to make the fsync cheap, few enough to compare quickly
 * after a crash.
 */
const BATCH = 64

/**
 * Split changes into batches that can be announced in the journal together, in order: changes of
 * different places that a reboot resets. A file or a command is announced alone, because later
 * changes may depend on it. Pure.
 */
export function batchesOf(changes: readonly Change[]): readonly (readonly Change[])[] {
  const batches: Change[][] = []
  let places = new Set<string | undefined>()
  let open = false
  for (const change of changes) {
    const joins = change.kind === 'set' || change.kind === 'affinity'
    const last = batches.at(-1)
    if (joins && open && last && last.length < BATCH && !places.has(placeOf(change))) last.push(change)
    else {
      batches.push([change])
      places = new Set()
    }
    open = joins
    places.add(placeOf(change))
  }
  return batches
}

interface CarryOut extends JournaledRun {
  readonly announce: (change: Change) => Intent
  /** Called after an intent is on disk and before its effect. */
  readonly begun: (intent: Intent) => void
}

/** Carry out a batch of changes, from their intents to their confirmations. */
async function* carryOut(
  batch: readonly Change[],
  {host, journal, clock, signal, announce, begun}: CarryOut,
): AsyncGenerator<ApplyEvent> {
  signal?.throwIfAborted()
  const intents: Intent[] = []
  for (const [change, result] of await Promise.all(
    batch.map(async (each) => [each, await look(each, host)] as const),
  ))
    if (result === undefined) intents.push(announce(change))
    else yield {type: 'change', change, result}
  if (intents.length === 0) return
  await journal.append(intents)
  const waiting = [...intents]
  try {
    for (const intent of intents) {
      const {change, seq} = intent
      signal?.throwIfAborted()
      // Look again: another program may have written while the earlier changes were made.
      const result = await look(change, host)
      waiting.shift()
      if (result !== undefined) {
        await journal.append({op: 'undone', at: clock(), seq})
        yield {type: 'change', change, result}
        continue
      }
      begun(intent)
      yield await carryOutOne(intent, {host, journal, clock})
    }
  } catch (error) {
    // Changes that were announced but not begun must not be undone.
    await journal.append(waiting.map(({seq}) => ({op: 'undone', at: clock(), seq}))).catch(() => {})
    throw error
  }
}

async function carryOutOne(
  {change, seq}: Intent,
  {host, journal, clock}: Pick<JournaledRun, 'host' | 'journal' | 'clock'>,
): Promise<ApplyEvent> {
  try {
    await effect(change, host)
  } catch (error) {
    const reason = refusal(change, error)
    if (reason === undefined) throw error
    await journal.append({op: 'refused', at: clock(), seq, reason})
    return {type: 'change', change, result: 'refused', reason}
  }
  // A reboot resets the value, so the entry does not have to survive a power cut.
  await journal.append({op: 'done', at: clock(), seq}, {sync: !isVolatile(change)})
  return {type: 'change', change, result: 'done'}
}

const look = async (change: Change, host: Host) =>
  change.kind === 'run' ? undefined : standing(change, await current(change, host))

/**
 * Why a change is not needed: the value is there already, or the thread is gone. Throws UserError
 * when the value differs from the plan.
 */
function standing(change: ContentChange, found: string | null): 'same' | 'gone' | undefined {
  const untouched = change.kind === 'set' && sameText(found, change.from) && !sameText(change.from, change.to)
  if (untouched) return undefined
  if (sameValue(change, found, change.to)) return 'same'
  if (change.kind === 'affinity' && found === null) return 'gone'
  if (avoids(change, found)) return 'same'
  if (!sameValue(change, found, change.from)) throw stale(change, found)
  return undefined
}

/** How often, and at what interval, to look whether an interrupt has moved to its new CPU. */
const LOOKS = 5
const PAUSE_MS = 100

/**
 * The changes that are written and not yet in force. They are read again for half a second, because
 * most interrupts fire within that time.
 */
async function* latecomers(
  changes: readonly Change[],
  {host, wait}: JournaledRun,
): AsyncGenerator<ApplyEvent> {
  let late = await stillLate(changes, host)
  for (let look = 1; look < LOOKS && late.length > 0 && wait; look++) {
    await wait(PAUSE_MS)
    late = await stillLate(
      late.map(({change}) => change),
      host,
    )
  }
  for (const {change, effective} of late) yield {type: 'pending', change, effective}
}

async function stillLate(
  changes: readonly Change[],
  host: Host,
): Promise<readonly {change: Change; effective: string}[]> {
  const lagged = await Promise.all(
    changes.map(async (change) => ({change, effective: await lagging(change, host)})),
  )
  return lagged.flatMap(({change, effective}) => (effective === undefined ? [] : [{change, effective}]))
}

/**
 * Before the first change: throws UserError unless each place still has the planned old value, or
 * already the new one.
 */
async function refuseStale(plan: Plan, host: Host): Promise<void> {
  const seen = new Set<string>()
  const made: string[] = []
  const first: ContentChange[] = []
  for (const change of plan.steps.flatMap(({changes}) => changes)) {
    if (change.kind === 'run' || seen.has(placeOf(change) ?? '')) continue
    seen.add(placeOf(change) ?? '')
    if (change.kind === 'folder' && change.to !== null) made.push(`${change.path}/`)
    // A file in a directory that the plan creates does not exist yet.
    if (change.kind === 'affinity' || !made.some((folder) => change.path.startsWith(folder)))
      first.push(change)
  }
  for (let start = 0; start < first.length; start += BATCH)
    await Promise.all(first.slice(start, start + BATCH).map((change) => look(change, host)))
}

function stale(change: ContentChange, found: string | null): UserError {
  const was = found === null ? 'it does not exist' : `it is "${found.trim()}"`
  const planned = change.from === null ? 'nothing' : `"${change.from}"`
  return new UserError(
    `${subjectOf(change)} changed since the plan was made: planned on ${planned}, ${was}`,
    {
      exit: Exit.applyUndone,
      code: 'stale-plan',
      help: 'make a new plan: isolctl plan',
    },
  )
}
