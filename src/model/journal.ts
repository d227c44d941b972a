// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {ChangeSchema, isVolatile} from './change.ts'

/** Where isolctl keeps what it did: mode 0700, root's. */
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
  /** The run is to be taken back unless it is confirmed by then. */
  confirmBy: at.exactOptional(),
})

/**
 * Write-ahead, one JSON object per line: `intent` is on disk before the effect and `done` after it was read back, so a
 * crash in between leaves an intent, which undo compares with the machine. `seq` is unique in the file; an entry belongs
 * to the last `begin` before it, because only the holder of the lock writes.
 */
export const EntrySchema = z.discriminatedUnion('op', [
  BeginSchema,
  z.strictObject({op: z.literal('intent'), at, seq, step: z.string(), change: ChangeSchema}),
  z.strictObject({op: z.literal('done'), at, seq}),
  /** The kernel said no; nothing was changed. */
  z.strictObject({op: z.literal('refused'), at, seq, reason: z.string()}),
  /** The change is no longer in force. */
  z.strictObject({op: z.literal('undone'), at, seq}),
  /** Somebody can still reach the machine: the run stays. */
  z.strictObject({op: z.literal('confirmed'), at, run: z.string()}),
  z.strictObject({op: z.literal('end'), at, outcome: z.enum(['complete', 'incomplete'])}),
])

export type Entry = z.output<typeof EntrySchema>
export type Begin = z.output<typeof BeginSchema>
export type Intent = Extract<Entry, {op: 'intent'}>

/** A change that was begun and not taken back. */
export interface InForce extends Pick<Intent, 'seq' | 'step' | 'change' | 'at'> {
  /** The run that made it. */
  readonly run: string
  /** False after a crash between intent and effect's end: it may or may not have happened. */
  readonly certain: boolean
}

/**
 * The entries of a journal. What follows the last newline, or a last line with NUL bytes in it (a block that never reached
 * the disk), is a write that a power cut tore: it was never acknowledged, so nothing was done on its strength. Anything
 * else that is not an entry throws UserError. Pure.
 */
export function parseJournal(text: string): readonly Entry[] {
  const lines = completeLines(text)
  return lines.map((line, index) => {
    const entry = EntrySchema.safeParse(jsonOf(line))
    if (entry.success) return entry.data
    throw new UserError(`${JOURNAL} line ${index + 1} is not a journal entry`, {
      exit: Exit.unsuitable,
      code: 'journal-damaged',
      help: `it was edited, or written by a newer isolctl; look at it, repair that line, or move the file away and restore by hand`,
    })
  })
}

/** How many bytes of a journal count: a writer cuts off the rest before it appends. Pure. */
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

/** The changes to undo, newest first. Values of an earlier boot went with it and are not listed. Pure. */
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

/** Path to reason, for what the kernel refused to have changed since it booted. Pure. */
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

/** Every run, oldest first, with how it ended; `outcome` is absent for one that was killed. Pure. */
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
  /** Only this run's. */
  readonly run?: string | undefined
  /** None where the run was confirmed. */
  readonly unlessConfirmed?: boolean | undefined
  /** Only those of a run that should have been confirmed by this time, or in the boot that it ended with. ISO 8601, UTC. */
  readonly overdueAt?: string | undefined
}

/** The changes that undo is asked for, newest first. Throws UserError when there never was such a run. Pure. */
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
    throw new UserError(`there was no run ${run}`, {help: 'isolctl status names the runs'})
  return all.filter((change) => change.run === run)
}

/** The last run that was to be confirmed, and what became of it; undefined when there was none. Pure. */
export function awaited(
  entries: readonly Entry[],
  bootId: string,
):
  | {
      readonly run: string
      readonly by: string
      /** The boot it was done in. */
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

/** Whether any change of a run was taken back. Pure. */
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
