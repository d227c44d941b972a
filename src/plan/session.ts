// SPDX-License-Identifier: MIT
import {bootId} from '../facts/boot-id.ts'
import {gatherer} from '../facts/fact.ts'
import type {Host} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {STATE_DIRECTORY} from '../model/journal.ts'
import {withJournal} from './journal-file.ts'
import type {JournaledRun} from './run.ts'

export interface SessionOptions {
  /** ISO 8601, UTC. */
  readonly clock: () => string
  readonly isolctl: string
  readonly signal?: AbortSignal
  readonly stateDirectory?: string
  /** Wait when another isolctl holds the lock. Default: throw UserError. */
  readonly patient?: boolean
}

/** Take the lock, open the journal, and run `body`. Throws UserError before anything is changed. */
export async function session<T>(
  host: Host,
  {clock, isolctl, signal, stateDirectory = STATE_DIRECTORY, patient = false}: SessionOptions,
  body: (options: JournaledRun) => Promise<T>,
): Promise<T> {
  const boot = await gatherer(host)(bootId)
  return withJournal(
    stateDirectory,
    (journal) => body({host, journal, clock, bootId: boot, isolctl, ...(signal ? {signal} : {})}),
    {patient},
  )
}

/** Only root can change a machine: one error instead of an EACCES for each file. */
export function requireRoot(command: string): void {
  if (process.geteuid?.() !== 0)
    throw new UserError(`isolctl ${command} must run as root`, {
      exit: Exit.unsuitable,
      code: 'not-root',
      help: `sudo isolctl ${command}; to only look: isolctl plan`,
    })
}
