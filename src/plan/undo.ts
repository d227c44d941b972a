// SPDX-License-Identifier: MIT
import {dirname} from 'node:path'
import {sweep} from '../host/fresh.ts'
import type {Host, HostView} from '../host/host.ts'
import {errnoOf, Interrupted} from '../lib/errors.ts'
import {type Change, cameOf, invert, isVolatile, placeOf, sameText, sameValue} from '../model/change.ts'
import type {InForce} from '../model/journal.ts'
import {current, effect} from './effect.ts'
import type {Journal} from './journal-file.ts'
import {beginRun, type JournaledRun} from './run.ts'

/**
 * The changes of one place, combined into one. Successive changes are combined when each began with
 * the value that the one before wrote. When another program wrote in between, there are two deltas.
 */
export interface Delta {
  /**
   * The change that reverts all of them: `from` is the last value that isolctl wrote, `to` the
   * first value that it found.
   */
  readonly back: Change
  /** Every value that isolctl wrote; after a crash, any of them may be there. */
  readonly ours: readonly (string | null)[]
  readonly seqs: readonly number[]
  readonly run: string
  readonly at: string
  readonly step: string
}

/**
 * Combine changes into deltas, newest first, as `inForce` returns them and as they must be undone.
 * Pure.
 */
export function deltasOf(changes: readonly InForce[]): readonly Delta[] {
  const deltas: Delta[] = []
  /** Place to the index of its oldest delta so far. */
  const latest = new Map<string, number>()
  for (const {change, seq, run, at, step} of changes) {
    const index = latest.get(placeOf(change) ?? '') ?? -1
    const newer = deltas[index]
    if (
      newer &&
      change.kind !== 'run' &&
      newer.back.kind !== 'run' &&
      sameValue(change, change.to, newer.back.to)
    )
      deltas[index] = {
        ...newer,
        back: {...newer.back, to: change.from} as Change,
        ours: [...newer.ours, change.to],
        seqs: [...newer.seqs, seq],
      }
    else {
      latest.set(placeOf(change) ?? '', change.kind === 'run' ? -1 : deltas.length)
      deltas.push({
        back: invert(change),
        ours: change.kind === 'run' ? [] : [change.to],
        seqs: [seq],
        run,
        at,
        step,
      })
    }
  }
  return deltas
}

export interface Undone {
  readonly delta: Delta
  /**
   * undone: reverted now; same: it had the old value already; gone: the path does not exist any
   * more, and the value with it; conflict: another program wrote `found`, which is not changed;
   * failed: the machine refused, see `reason`.
   */
  readonly result: 'undone' | 'same' | 'gone' | 'conflict' | 'failed'
  readonly found?: string | null
  readonly reason?: string
}

export interface TakeBack {
  readonly host: Host
  readonly journal: Journal
  readonly clock: () => string
  /** Overwrite values that another program wrote since. */
  readonly force?: boolean
  readonly signal?: AbortSignal
}

/**
 * Undo deltas in the given order. One that cannot be undone is reported, and the others are still
 * undone. There is no intent in the journal, because a repeated undo finds the old value and does
 * nothing. For the same reason, an error of the journal is ignored here. Throws Interrupted between
 * two deltas.
 */
export async function* takeBack(deltas: readonly Delta[], options: TakeBack): AsyncGenerator<Undone> {
  const stuck = new Set<string>()
  for (const delta of deltas) {
    options.signal?.throwIfAborted()
    const path = placeOf(delta.back)
    const outcome: Omit<Undone, 'delta'> =
      path !== undefined && stuck.has(path)
        ? {result: 'conflict', reason: 'a later change of the same place could not be undone'}
        : await takeBackOne(delta, options)
    if (outcome.result === 'conflict' || outcome.result === 'failed') stuck.add(path ?? '')
    else
      await options.journal
        .append(
          delta.seqs.map((seq) => ({op: 'undone', at: options.clock(), seq})),
          {sync: !isVolatile(delta.back)},
        )
        .catch(() => {})
    yield {delta, ...outcome}
  }
}

async function takeBackOne(delta: Delta, options: TakeBack): Promise<Omit<Undone, 'delta'>> {
  try {
    const folder = folderOf(delta.back)
    if (folder !== undefined) await sweep(options.host, folder)
    const outcome = await foresee(delta, options)
    if (outcome.result === 'undone') await effect(delta.back, options.host)
    return outcome
  } catch (error) {
    if (delta.back.kind === 'folder' && errnoOf(error) === 'ENOTEMPTY')
      return {result: 'conflict', reason: 'the directory is not empty: not removed'}
    return {result: 'failed', reason: (error as Error).message}
  }
}

/** The directory where a killed run may have left a temporary file. */
function folderOf(change: Change): string | undefined {
  const path = change.kind === 'file' ? change.path : change.kind === 'run' ? change.into?.path : undefined
  return path === undefined ? undefined : dirname(path)
}

/**
 * The result that an undo of this delta would have. Throws HostError when the place cannot be read.
 */
async function foresee(
  {back, ours}: Delta,
  {host, force}: {host: HostView; force?: boolean},
): Promise<Omit<Undone, 'delta'>> {
  if (back.kind === 'run') return {result: 'undone'}
  const found = await current(back, host)
  const asWeLeftIt = back.kind === 'set' && sameText(found, back.from) && !sameText(back.from, back.to)
  if (asWeLeftIt) return {result: 'undone'}
  if (sameValue(back, found, back.to)) return {result: 'same'}
  if ((back.kind === 'set' || back.kind === 'affinity') && found === null) return {result: 'gone'}
  return force || ours.some((value) => cameOf(back, found, value))
    ? {result: 'undone'}
    : {result: 'conflict', found}
}

/** The results that an undo would have; changes nothing. */
export async function rehearse(
  deltas: readonly Delta[],
  options: {host: HostView; force?: boolean},
): Promise<readonly Undone[]> {
  const results = deltas.map(
    async (delta): Promise<Undone> => ({
      delta,
      ...(await foresee(delta, options).catch(
        ({message}: Error) => ({result: 'failed', reason: message}) as const,
      )),
    }),
  )
  return Promise.all(results)
}

export type UndoEvent =
  | {readonly type: 'undo'; readonly undone: Undone}
  | {readonly type: 'end'; readonly interrupted: boolean}

/** Undo these deltas as a run of its own. Throws UserError before anything is changed. */
export async function* undo(
  deltas: readonly Delta[],
  options: JournaledRun & TakeBack,
): AsyncGenerator<UndoEvent> {
  await beginRun('undo', options)
  let complete = true
  let interrupted = false
  try {
    for await (const undone of takeBack(deltas, options)) {
      complete &&= undone.result !== 'conflict' && undone.result !== 'failed'
      yield {type: 'undo', undone}
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    interrupted = true
  }
  const outcome = complete && !interrupted ? 'complete' : 'incomplete'
  await options.journal.append({op: 'end', at: options.clock(), outcome}).catch(() => {})
  yield {type: 'end', interrupted}
}
