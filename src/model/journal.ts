// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {ChangeSchema, isVolatile} from './change.ts'

/** The directory of isolctl's persistent state. Owned by root, mode 0700. */
export const STATE_DIRECTORY = '/var/lib/isolctl'
export const JOURNAL = `${STATE_DIRECTORY}/journal.jsonl`

const at = z.string()
const seq = z.number().int().positive()

const BeginSchema = z.strictObject({
  op: z.literal('begin'),
  schema: z.literal('isolctl.journal/1'),
  at,
  run: z.string(),
  command: z.enum(['apply', 'undo']),
  bootId: z.string(),
  pid: z.number().int(),
  isolctl: z.string(),
  /** The run is undone unless it is confirmed before this time. */
  confirmBy: at.exactOptional(),
})

/**
 * A write-ahead log with one JSON object per line. `intent` is on disk before the effect, `done`
 * after the new value was read back. A crash in between leaves an intent without a done; undo then
 * compares it with the machine. `seq` is unique in the file. An entry belongs to the last `begin`
 * before it, because only the holder of the lock writes.
 */
export const EntrySchema = z.discriminatedUnion('op', [
  BeginSchema,
  z.strictObject({op: z.literal('intent'), at, seq, step: z.string(), change: ChangeSchema}),
  z.strictObject({op: z.literal('done'), at, seq}),
  /** The kernel refused the change; nothing was changed. */
  z.strictObject({op: z.literal('refused'), at, seq, reason: z.string()}),
  /** The change is no longer in force. */
  z.strictObject({op: z.literal('undone'), at, seq}),
  /** The operator can still reach the machine: the run stays. */
  z.strictObject({op: z.literal('confirmed'), at, run: z.string()}),
  z.strictObject({op: z.literal('end'), at, outcome: z.enum(['complete', 'incomplete'])}),
])

export type Entry = z.output<typeof EntrySchema>
export type Begin = z.output<typeof BeginSchema>
export type Intent = Extract<Entry, {op: 'intent'}>

/** A change that was begun and not undone. */
export interface InForce extends Pick<Intent, 'seq' | 'step' | 'change' | 'at'> {
  /** The run that made it. */
  readonly run: string
  /** False after a crash between intent and done: the change may or may not have happened. */
  readonly certain: boolean
}

/**
 * The entries of a journal. Text after the last newline, and a last line with NUL bytes in it (a
 * block that never reached the disk), come from a write that a power cut interrupted. That write
 * was never acknowledged, so nothing was done after it and it is ignored. Throws UserError for any
 * other line that is not an entry. Pure.
 */
export function parseJournal(text: string): readonly Entry[] {
  const lines = completeLines(text)
  return lines.map((line, index) => {
    const entry = EntrySchema.safeParse(jsonOf(line))
    if (entry.success) return entry.data
    throw new UserError(`${JOURNAL} line ${index + 1} is not a journal entry`, {
      exit: Exit.unsuitable,
      code: 'journal-damaged',
      help: `it was edited, or a newer isolctl wrote it: repair that line, or move the file away and restore the values by hand`,
    })
  })
}

/**
 * The number of bytes of a journal that are complete entries: a writer truncates the rest before it
 * appends. Pure.
 */
export function intactLength(text: string): number {
  return Buffer.byteLength(
    completeLines(text)
      .map((line) => `${line}\n`)
      .join(''),
  )
}

function completeLines(text: string): readonly string[] {
  const lines = text.split('\n').slice(0, -1)
  return lines.at(-1)?.includes('\0') ? lines.slice(0, -1) : lines
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/**
 * The changes to undo, newest first. Volatile values of an earlier boot are not listed, because the
 * reboot reverted them. Pure.
 */
export function inForce(entries: readonly Entry[], bootId: string): readonly InForce[] {
  const changes = new Map<number, InForce>()
  for (const {entry, run} of withRun(entries)) {
    if (entry.op === 'intent') {
      const {seq, step, change, at} = entry
      if (run.bootId === bootId || !isVolatile(change))
        changes.set(seq, {seq, step, change, at, run: run.run, certain: false})
    } else if (entry.op === 'done') {
      const change = changes.get(entry.seq)
      if (change) changes.set(entry.seq, {...change, certain: true})
    } else if (entry.op === 'refused' || entry.op === 'undone') {
      changes.delete(entry.seq)
    }
  }
  return [...changes.values()].reverse()
}

/** Path to reason, for each value that the kernel refused to change since it booted. Pure. */
export function refusals(entries: readonly Entry[], bootId: string): ReadonlyMap<string, string> {
  const paths = new Map<number, string>()
  const reasons = new Map<string, string>()
  for (const {entry, run} of withRun(entries)) {
    if (run.bootId !== bootId) continue
    if (entry.op === 'intent' && entry.change.kind === 'set') paths.set(entry.seq, entry.change.path)
    const path = 'seq' in entry ? paths.get(entry.seq) : undefined
    if (path !== undefined && entry.op === 'refused') reasons.set(path, entry.reason)
    if (path !== undefined && entry.op === 'done') reasons.delete(path)
  }
  return reasons
}

/** Every run, oldest first, with its outcome; `outcome` is absent when the run was killed. Pure. */
export function runsOf(
  entries: readonly Entry[],
): readonly (Begin & {readonly outcome?: 'complete' | 'incomplete'})[] {
  const runs: (Begin & {outcome?: 'complete' | 'incomplete'})[] = []
  for (const entry of entries) {
    const last = runs.at(-1)
    if (entry.op === 'begin') runs.push({...entry})
    if (entry.op === 'end' && last) last.outcome = entry.outcome
  }
  return runs
}

export interface Wanted {
  readonly bootId: string
  /** Only the changes of this run. */
  readonly run?: string | undefined
  /** No changes when the run was confirmed. */
  readonly unlessConfirmed?: boolean | undefined
  /**
   * Only the changes of a run that should have been confirmed before this time, or in a boot that
   * has ended. ISO 8601, UTC.
   */
  readonly overdueAt?: string | undefined
}

/**
 * The changes that undo is asked for, newest first. Throws UserError when there was no such run.
 * Pure.
 */
export function toUndo(
  entries: readonly Entry[],
  {bootId, run, unlessConfirmed, overdueAt}: Wanted,
): readonly InForce[] {
  const all = inForce(entries, bootId)
  if (overdueAt !== undefined) {
    const waiting = awaited(entries, bootId)
    const due = waiting?.state === 'waiting' || waiting?.state === 'partly-undone'
    const late = due && (waiting.bootId !== bootId || waiting.by <= overdueAt)
    return late ? all.filter((change) => change.run === waiting.run) : []
  }
  if (run === undefined) return all
  if (unlessConfirmed && entries.some((entry) => entry.op === 'confirmed' && entry.run === run)) return []
  if (!unlessConfirmed && !runsOf(entries).some((each) => each.run === run && each.command === 'apply'))
    throw new UserError(`there was no run ${run}`, {help: 'isolctl status lists the runs'})
  return all.filter((change) => change.run === run)
}

/** The last run that had to be confirmed, and its state; undefined when there was none. Pure. */
export function awaited(
  entries: readonly Entry[],
  bootId: string,
):
  | {
      readonly run: string
      readonly by: string
      /** The boot in which the run took place. */
      readonly bootId: string
      readonly state: 'waiting' | 'confirmed' | 'partly-undone' | 'undone'
    }
  | undefined {
  const begin = runsOf(entries).findLast(({confirmBy}) => confirmBy !== undefined)
  if (begin?.confirmBy === undefined) return undefined
  const about = {run: begin.run, by: begin.confirmBy, bootId: begin.bootId}
  if (entries.some((entry) => entry.op === 'confirmed' && entry.run === about.run))
    return {...about, state: 'confirmed'}
  if (!inForce(entries, bootId).some((change) => change.run === about.run)) return {...about, state: 'undone'}
  return {...about, state: undoBegan(entries, about.run) ? 'partly-undone' : 'waiting'}
}

/** Whether any change of a run was undone. Pure. */
function undoBegan(entries: readonly Entry[], run: string): boolean {
  const its = new Set<number>()
  for (const {entry, run: begin} of withRun(entries)) {
    if (entry.op === 'intent' && begin.run === run) its.add(entry.seq)
    if (entry.op === 'undone' && its.has(entry.seq)) return true
  }
  return false
}

export const lastSeq = (entries: readonly Entry[]): number =>
  entries.reduce((last, entry) => ('seq' in entry ? Math.max(last, entry.seq) : last), 0)

function* withRun(entries: readonly Entry[]): Generator<{entry: Entry; run: Begin}> {
  let run: Begin | undefined
  for (const entry of entries) {
    if (entry.op === 'begin') run = entry
    else if (run) yield {entry, run}
  }
}
