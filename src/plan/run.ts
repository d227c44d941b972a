// SPDX-License-Identifier: MIT
import type {Host} from '../host/host.ts'
import type {Begin} from '../model/journal.ts'
import type {Journal} from './journal-file.ts'

/** What one run of apply or undo works with. */
export interface RunOptions {
  readonly host: Host
  readonly journal: Journal
  /** ISO 8601, UTC. */
  readonly clock: () => string
  readonly bootId: string
  /** Our own version. */
  readonly isolctl: string
  /** The id of the run, where somebody must know it beforehand. */
  readonly run?: string
  /** When the run is to be taken back unless it was confirmed: ISO 8601, UTC. */
  readonly confirmBy?: string
  /** Milliseconds; without it nothing is waited for. */
  readonly wait?: (ms: number) => Promise<void>
  /** Aborted with Interrupted: finish the change at hand and stop. */
  readonly signal?: AbortSignal
}

export const newRun = (): string => crypto.randomUUID().slice(0, 8)

/** Announce a run in the journal; returns its id. Throws UserError when the journal cannot be written. */
export async function beginRun(
  command: Begin['command'],
  {journal, clock, bootId, isolctl, run = newRun(), confirmBy}: RunOptions,
): Promise<string> {
  const at = clock()
  await journal.append({
    op: 'begin',
    schema: 'isolctl.journal/1',
    at,
    run,
    command,
    bootId,
    pid: process.pid,
    isolctl,
    ...(command === 'apply' && confirmBy !== undefined ? {confirmBy} : {}),
  })
  return run
}
