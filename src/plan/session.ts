// SPDX-License-Identifier: MIT
import {bootId} from '../facts/boot-id.ts'
import {gatherer} from '../facts/fact.ts'
import {impatient} from '../host/abortable.ts'
import type {Host} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {type Entry, inForce, JOURNAL, STATE_DIRECTORY} from '../model/journal.ts'
import {firstOutOfBounds} from './bounds.ts'
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
    (journal) => {
      refuseForeign(journal.entries, boot)
      return body({
        host: signal ? impatient(host, signal) : host,
        ...{journal, clock, bootId: boot, isolctl},
        ...(signal ? {signal} : {}),
      })
    },
    {patient, signal},
  )
}

/** A journal is data: what no step of isolctl does is not undone because a file says so. */
function refuseForeign(entries: readonly Entry[], boot: string): void {
  const foreign = firstOutOfBounds(inForce(entries, boot).map(({change}) => change))
  if (foreign === undefined) return
  throw new UserError(`the journal has a change that isolctl never made: ${foreign}`, {
    exit: Exit.unsuitable,
    code: 'journal-foreign',
    help: `${JOURNAL} was edited, or a newer isolctl wrote it: look at it before you undo anything`,
  })
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
