// SPDX-License-Identifier: MIT
import {mkdir} from 'node:fs/promises'
import {homedir} from 'node:os'
import {isAbsolute, join} from 'node:path'
import {errnoOf, UserError} from './errors.ts'
import {Exit} from './exit.ts'

/**
 * The root of the cache, which can be deleted at any time: `$XDG_CACHE_HOME/isolctl`, else
 * `~/.cache/isolctl`.
 */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  const xdg = env['XDG_CACHE_HOME']
  // XDG Base Directory Specification: a relative path is invalid and must be ignored.
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(env['HOME'] || homedir(), '.cache')
  return join(base, 'isolctl')
}

/**
 * A directory below the cache, created with mode 0700 if it does not exist. Throws UserError (exit
 * 69).
 */
export async function cacheFolder(name: string, root = cacheRoot()): Promise<string> {
  const folder = join(root, name)
  await mkdir(folder, {recursive: true, mode: 0o700}).catch((cause: unknown) => {
    throw new UserError(`cannot make ${folder}: ${errnoOf(cause) ?? 'EIO'}`, {
      exit: Exit.unsuitable,
      code: errnoOf(cause) ?? 'EIO',
      help: 'set XDG_CACHE_HOME to a directory that you can write to: XDG_CACHE_HOME=/path',
      cause,
    })
  })
  return folder
}
