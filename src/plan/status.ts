// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {avoids, type ContentChange, isVolatile, placeOf, sameValue} from '../model/change.ts'
import {awaited, type Entry, inForce, refusals, runsOf} from '../model/journal.ts'
import {current} from './effect.ts'
import {type Delta, deltasOf} from './undo.ts'

/**
 * in-force: as apply left it; drifted: another value was written since; reverted: it has the value
 * from before apply; gone: the path does not exist any more; unknown: it cannot be read.
 */
export type DeltaState = 'in-force' | 'drifted' | 'reverted' | 'gone' | 'unknown'

export interface DeltaStatus {
  readonly delta: Delta
  readonly state: DeltaState
  /** The contents now, when they are neither ours nor those from before. */
  readonly found?: string
  /** A program that is known to write to such places. */
  readonly suspect?: string
}

export interface Status {
  readonly deltas: readonly DeltaStatus[]
  /** Runs that began and did not end: they were killed, or the power was cut. */
  readonly unfinished: readonly string[]
  /** Path to the reason of the kernel. */
  readonly refused: ReadonlyMap<string, string>
  /** The number of changes of earlier boots that the reboot reverted. */
  readonly goneAtReboot: number
  /** The run that is undone at `by` unless it is confirmed. */
  readonly awaiting?: {readonly run: string; readonly by: string}
}

/** The contents of a place, null when it is absent, or why it cannot be read. */
export type Reading = {readonly text: string | null} | {readonly unreadable: string}

export interface Seen {
  readonly bootId: string
  readonly readings: ReadonlyMap<string, Reading>
  /** The programs that may have written to a place. */
  readonly writers?: (place: string) => string | undefined
}

/**
 * Compare the changes in force by the journal with the machine. `readings` must have every place of
 * `changesInForce`. Pure.
 */
export function statusOf(
  entries: readonly Entry[],
  {bootId, readings, writers = () => undefined}: Seen,
): Status {
  const applied = inForce(entries, bootId)
  const runs = runsOf(entries)
  const waiting = awaited(entries, bootId)
  const last = runs.at(-1)
  const killed = runs.filter(
    ({run, outcome, command}) =>
      outcome === undefined &&
      (command === 'apply'
        ? applied.some((change) => change.run === run)
        : run === last?.run && applied.length > 0),
  )
  return {
    deltas: deltasOf(applied).map((delta) => {
      const compared = compare(delta, readings)
      const overwritten = compared.state === 'drifted' || compared.state === 'reverted'
      const suspect = overwritten ? writers(placeOf(delta.back) ?? '') : undefined
      return {delta, ...compared, ...(suspect === undefined ? {} : {suspect})}
    }),
    unfinished: killed.map(({run}) => run),
    refused: refusals(entries, bootId),
    goneAtReboot: lostAtReboot(entries, bootId),
    ...(waiting?.state === 'waiting' ? {awaiting: {run: waiting.run, by: waiting.by}} : {}),
  }
}

/** The contents of each changed place, by its key. Never rejects. */
export async function readPlaces(
  host: HostView,
  changes: readonly ContentChange[],
): Promise<ReadonlyMap<string, Reading>> {
  const readings = new Map<string, Reading>()
  for (const change of changes) {
    const read = current(change, host).then((text): Reading => ({text}))
    readings.set(
      placeOf(change) ?? '',
      await read.catch((error: Error): Reading => ({unreadable: error.message})),
    )
  }
  return readings
}

/** The changes whose places `statusOf` compares, one for each place. Pure. */
export function changesInForce(entries: readonly Entry[], bootId: string): readonly ContentChange[] {
  const places = new Map<string, ContentChange>()
  for (const {change} of inForce(entries, bootId))
    if (change.kind !== 'run') places.set(placeOf(change) ?? '', change)
  return [...places.values()]
}

function compare({back, ours}: Delta, readings: ReadonlyMap<string, Reading>): Omit<DeltaStatus, 'delta'> {
  if (back.kind === 'run') return {state: 'in-force'}
  const reading = readings.get(placeOf(back) ?? '') ?? {unreadable: 'it was not read'}
  if ('unreadable' in reading) return {state: 'unknown', found: reading.unreadable}
  const {text} = reading
  if (sameValue(back, text, back.to)) return {state: 'reverted'}
  if ((back.kind === 'set' || back.kind === 'affinity') && text === null) return {state: 'gone'}
  if (ours.some((value) => sameValue(back, text, value))) return {state: 'in-force'}
  if (avoids(back, text)) return {state: 'in-force', ...(text === null ? {} : {found: text.trim()})}
  return {state: 'drifted', found: text?.trim() ?? 'no file'}
}

function lostAtReboot(entries: readonly Entry[], bootId: string): number {
  const boots = new Set(runsOf(entries).map((run) => run.bootId))
  boots.delete(bootId)
  let lost = 0
  for (const boot of boots) {
    const then = inForce(entries, boot).filter(({change}) => isVolatile(change))
    lost += then.length
  }
  return lost
}
