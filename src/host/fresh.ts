// SPDX-License-Identifier: MIT
import {dirname, join} from 'node:path'
import type {Host} from './host.ts'

/** The file beside `path` that writeFile() fills and then renames to it. */
export const freshBeside = (path: string): string => join(dirname(path), `.isolctl-${crypto.randomUUID()}`)

const isFresh = (name: string) => /^\.isolctl-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)

/** Remove what runs that were killed left half written in a directory. Only with the lock: nobody else may be writing. */
export async function sweep(host: Host, folder: string): Promise<void> {
  for (const name of await host.list(folder))
    if (isFresh(name)) await host.writeFile(join(folder, name), null)
}
