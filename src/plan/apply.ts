// SPDX-License-Identifier: MIT
import type {Host, HostError} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {type Change, sameValue} from './change.ts'
import {current, effect, isRefusal, lagging} from './effect.ts'
import {type InForce, type Intent, lastSeq} from './journal.ts'
import type {Plan, PlannedStep} from './plan.ts'
import {beginRun, type RunOptions} from './run.ts'
import {deltasOf, takeBack, type Undone} from './undo.ts'

export type ApplyEvent =
  | {readonly type: 'step'; readonly step: PlannedStep}
  | {
      readonly type: 'change'
      readonly change: Change
      /** same: it was so already; refused: the kernel keeps it, nothing was changed. */
      readonly result: 'done' | 'same' | 'refused'
      readonly reason?: string
    }
  /** Written and read back, but the interrupt still goes to `effective` until it next fires. */
  | {readonly type: 'pending'; readonly change: Change; readonly effective: string}
  | {readonly type: 'failed'; readonly step: PlannedStep | undefined; readonly error: Error}
  /** This run's changes, being taken back after a failure. */
  | {readonly type: 'undo'; readonly undone: Undone}
  | {readonly type: 'end'; readonly outcome: Outcome}

export type Outcome =
  | {readonly status: 'applied'; readonly run: string}
  /** Failed or interrupted, and the machine is as it was (undone) or is not (not-undone). */
  | {readonly status: 'undone' | 'not-undone'; readonly run: string; readonly error: Error}

/**
 * Carry out a plan: each change is written down, done, read back and confirmed. At the first failure, and when the signal
 * is aborted, what this run did is taken back, newest first. Ends with an `end` event; throws UserError only before
 * anything was touched: when the machine is no longer what the plan was made for, or the journal cannot be written.
 */
export async function* apply(plan: Plan, options: RunOptions): AsyncGenerator<ApplyEvent> {
  const {host, journal, clock, signal} = options
  await refuseStale(plan, host)
  const run = await beginRun('apply', options)
  const made: InForce[] = [] // newest first
  let seq = lastSeq(journal.entries)
  let step: PlannedStep | undefined
  try {
    for (step of plan.steps.filter(({changes}) => changes.length > 0)) {
      yield {type: 'step', step}
      for (const change of step.changes) {
        signal?.throwIfAborted()
        const intent: Intent = {op: 'intent', at: clock(), seq: ++seq, step: step.id, change}
        yield await carryOut(intent, options, () => made.unshift({...intent, run, certain: false}))
      }
    }
    for (const {change} of made) {
      const effective = await lagging(change, host)
      if (effective !== undefined) yield {type: 'pending', change, effective}
    }
    await journal.append({op: 'end', at: clock(), outcome: 'complete'})
  } catch (cause) {
    const error = cause as Error
    yield {type: 'failed', step, error}
    let undone = true
    // Without the signal: one Ctrl-C asks us to stop, and this is how. A second one is Node's to handle.
    for await (const event of takeBack(deltasOf(made), {host, journal, clock})) {
      undone &&= event.result !== 'conflict' && event.result !== 'failed'
      // "same": what failed had not happened.
      if (event.result !== 'same') yield {type: 'undo', undone: event}
    }
    await journal.append({op: 'end', at: clock(), outcome: 'incomplete'}).catch(() => {})
    yield {type: 'end', outcome: {status: undone ? 'undone' : 'not-undone', run, error}}
    return
  }
  yield {type: 'end', outcome: {status: 'applied', run}}
}

/** One change, from its intent to its confirmation. `written` is called when the intent is on the disk. */
async function carryOut(
  intent: Intent,
  {host, journal, clock}: RunOptions,
  written: () => void,
): Promise<ApplyEvent> {
  const {change, seq} = intent
  if (change.kind !== 'run') {
    const found = await current(change, host)
    if (sameValue(change, found, change.to)) return {type: 'change', change, result: 'same'}
    if (!sameValue(change, found, change.from)) throw stale(change, found)
  }
  await journal.append(intent)
  written()
  try {
    await effect(change, host)
  } catch (error) {
    if (!isRefusal(change, error)) throw error
    const reason = `placed by the kernel (${(error as HostError).code})`
    await journal.append({op: 'refused', at: clock(), seq, reason})
    return {type: 'change', change, result: 'refused', reason}
  }
  await journal.append({op: 'done', at: clock(), seq})
  return {type: 'change', change, result: 'done'}
}

/** Before anything is touched: is every path still what the plan found, or already what it wants? */
async function refuseStale(plan: Plan, host: Host): Promise<void> {
  const seen = new Set<string>()
  for (const change of plan.steps.flatMap(({changes}) => changes)) {
    if (change.kind === 'run' || seen.has(change.path)) continue
    seen.add(change.path)
    const found = await current(change, host)
    if (!sameValue(change, found, change.from) && !sameValue(change, found, change.to))
      throw stale(change, found)
  }
}

function stale(change: Exclude<Change, {kind: 'run'}>, found: string | null): UserError {
  const was = found === null ? 'it does not exist' : `it is "${found.trim()}"`
  const planned = change.from === null ? 'no file' : `"${change.from}"`
  return new UserError(`${change.path} changed since the plan was made: planned on ${planned}, ${was}`, {
    exit: Exit.applyUndone,
    code: 'stale-plan',
    help: 'make a new plan: isolctl plan',
  })
}
