// SPDX-License-Identifier: MIT
import {HostError} from '../host/host.ts'
import {type Entry, JOURNAL, parseJournal, refusals} from '../model/journal.ts'
import {bootId} from './boot-id.ts'
import {defineFact} from './fact.ts'

/**
 * The journal of apply and undo on this machine; empty when they never ran. Only root may read it.
 */
export const journal = defineFact<readonly Entry[]>('journal', async (host) => {
  const text = await host.read(JOURNAL)
  if (text === '' && !host.live) throw new Error(`${JOURNAL} is empty`)
  return parseJournal(text ?? '')
})

/**
 * Paths that the kernel refused to change since it booted, with the reason, so that they are not
 * planned again. Empty for an ordinary user, who cannot read the journal: the plan may then list
 * more changes than apply can make, but never fewer.
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
