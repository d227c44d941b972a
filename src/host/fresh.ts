// SPDX-License-Identifier: MIT
import {dirname, join} from 'node:path'
import type {Host} from './host.ts'

/** The temporary file beside `path` that writeFile() writes and then renames to `path`. */
export const freshBeside = (path: string): string => join(dirname(path), `.isolctl-${crypto.randomUUID()}`)

const isFresh = (name: string) => /^\.isolctl-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)

/**
 * Remove temporary files of runs that were killed. Call it only while holding the lock: otherwise
 * another run may be writing them.
 */
export async function sweep(host: Host, folder: string): Promise<void> {
  for (const name of await host.list(folder))
    if (isFresh(name)) await host.writeFile(join(folder, name), null)
}
