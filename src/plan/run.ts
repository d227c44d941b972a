// SPDX-License-Identifier: MIT
import type {Host} from '../host/host.ts'
import type {Begin} from './journal.ts'
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
  /** Aborted with Interrupted: finish the change at hand and stop. */
  readonly signal?: AbortSignal
}

/** Announce a run in the journal; returns its id. Throws UserError when the journal cannot be written. */
export async function beginRun(
  command: Begin['command'],
  {journal, clock, bootId, isolctl}: RunOptions,
): Promise<string> {
  const run = crypto.randomUUID().slice(0, 8)
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
  })
  return run
}
