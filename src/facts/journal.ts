// SPDX-License-Identifier: MIT
import {HostError} from '../host/host.ts'
import {type Entry, JOURNAL, parseJournal, refusals} from '../model/journal.ts'
import {bootId} from './boot-id.ts'
import {defineFact} from './fact.ts'

/** What apply and undo wrote down on this machine; empty when they never ran. Only root may read it. */
export const journal = defineFact<readonly Entry[]>('journal', async (host) =>
  parseJournal((await host.read(JOURNAL)) ?? ''),
)

/**
 * Paths whose change the kernel refused since it booted, with the reason: not to be planned again. Empty for an ordinary
 * user, who cannot read the journal: the plan then promises more than apply can do, never less.
 */
export const refused = defineFact<ReadonlyMap<string, string>>('refused', async (_, get) => {
  try {
    const entries = await get(journal)
    return entries.length === 0 ? new Map() : refusals(entries, await get(bootId))
  } catch (error) {
    if (error instanceof HostError && error.code === 'EACCES') return new Map()
    throw error
  }
})
