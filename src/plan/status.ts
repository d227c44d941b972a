// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {sameValue, subjectOf} from './change.ts'
import {type Entry, inForce, refusals, runsOf} from './journal.ts'
import {type Delta, deltasOf} from './undo.ts'

/**
 * in-force: as we left it; drifted: somebody wrote another value since; reverted: it is back at what it was before us;
 * gone: the path is no longer there; unknown: it cannot be read.
 */
export type DeltaState = 'in-force' | 'drifted' | 'reverted' | 'gone' | 'unknown'

export interface DeltaStatus {
  readonly delta: Delta
  readonly state: DeltaState
  /** What is there now, where that is neither ours nor what was before. */
  readonly found?: string
}

export interface Status {
  readonly deltas: readonly DeltaStatus[]
  /** Runs that began and never ended: killed, or the power was cut. */
  readonly unfinished: readonly string[]
  /** Path to the kernel's reason. */
  readonly refused: ReadonlyMap<string, string>
  /** Changes of earlier boots that went away with them. */
  readonly goneAtReboot: number
}

/** What a path holds: its text, null for no file, or why it cannot be read. */
export type Reading = {readonly text: string | null} | {readonly unreadable: string}

/** Compare what the journal says is in force with what is there. `readings` has every path of `pathsInForce`. Pure. */
export function statusOf(
  entries: readonly Entry[],
  {bootId, readings}: {bootId: string; readings: ReadonlyMap<string, Reading>},
): Status {
  const current = inForce(entries, bootId)
  const runs = runsOf(entries)
  const last = runs.at(-1)
  const killed = runs.filter(
    ({run, outcome, command}) =>
      outcome === undefined &&
      (command === 'apply'
        ? current.some((change) => change.run === run)
        : run === last?.run && current.length > 0),
  )
  return {
    deltas: deltasOf(current).map((delta) => ({delta, ...compare(delta, readings)})),
    unfinished: killed.map(({run}) => run),
    refused: refusals(entries, bootId),
    goneAtReboot: lostAtReboot(entries, bootId),
  }
}

/** Read each path. Never throws. */
export async function readPaths(
  host: HostView,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Reading>> {
  const readings = new Map<string, Reading>()
  for (const path of paths) {
    const read = host.read(path).then((text): Reading => ({text: text ?? null}))
    readings.set(path, await read.catch((error: Error): Reading => ({unreadable: error.message})))
  }
  return readings
}

/** The paths whose contents `statusOf` needs. Pure. */
export function pathsInForce(entries: readonly Entry[], bootId: string): readonly string[] {
  return [
    ...new Set(inForce(entries, bootId).flatMap(({change}) => (change.kind === 'run' ? [] : [change.path]))),
  ]
}

function compare({back, ours}: Delta, readings: ReadonlyMap<string, Reading>): Omit<DeltaStatus, 'delta'> {
  if (back.kind === 'run') return {state: 'in-force'}
  const reading = readings.get(subjectOf(back)) ?? {unreadable: 'it was not read'}
  if ('unreadable' in reading) return {state: 'unknown', found: reading.unreadable}
  const {text} = reading
  if (sameValue(back, text, back.to)) return {state: 'reverted'}
  if (back.kind === 'set' && text === null) return {state: 'gone'}
  if (ours.some((value) => sameValue(back, text, value))) return {state: 'in-force'}
  return {state: 'drifted', found: text?.trim() ?? 'no file'}
}

function lostAtReboot(entries: readonly Entry[], bootId: string): number {
  const boots = new Set(runsOf(entries).map((run) => run.bootId))
  boots.delete(bootId)
  let lost = 0
  for (const boot of boots) {
    const then = inForce(entries, boot).filter(({change}) => change.kind === 'set')
    lost += then.length
  }
  return lost
}
