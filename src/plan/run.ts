// SPDX-License-Identifier: MIT
import type {Host} from '../host/host.ts'
import type {Begin} from '../model/journal.ts'
import type {Journal} from './journal-file.ts'

/** What one run of apply or undo needs. */
export interface JournaledRun {
  readonly host: Host
  readonly journal: Journal
  /** ISO 8601, UTC. */
  readonly clock: () => string
  readonly bootId: string
  /** The version of isolctl. */
  readonly isolctl: string
  /** The id of the run, when it must be known before the run. */
  readonly run?: string
  /** The run is undone after this time unless it is confirmed. ISO 8601, UTC. */
  readonly confirmBy?: string
  /** Wait for milliseconds; without it there is no wait for interrupts to move. */
  readonly wait?: (ms: number) => Promise<void>
  /** Aborts with Interrupted: the current change is finished, then the run stops. */
  readonly signal?: AbortSignal
}

export const newRun = (): string => crypto.randomUUID().slice(0, 8)

/**
 * Write the start of a run to the journal; returns its id. Throws UserError when the journal cannot
 * be written.
 */
export async function beginRun(
  command: Begin['command'],
  {journal, clock, bootId, isolctl, run = newRun(), confirmBy}: JournaledRun,
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
