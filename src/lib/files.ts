// SPDX-License-Identifier: MIT
import {mkdtemp, readFile, rename, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {errnoOf, UserError} from './errors.ts'
import {Exit} from './exit.ts'

/** Contents of a file, or undefined when there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** A JSON value, or undefined for text that is none: a file that a power cut damaged, say. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Write a file whole or not at all: nobody ever reads half of it under its name. `mode` is subject to the umask. */
export async function publishFile(path: string, contents: string | Uint8Array, mode = 0o600): Promise<void> {
  const fresh = join(dirname(path), `.${crypto.randomUUID()}.tmp`)
  try {
    await writeFile(fresh, contents, {flag: 'wx', mode})
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, {force: true})
    throw error
  }
}

/**
 * Write what was asked for to where it was asked for: in one step where that is a file. A device or a pipe
 * (/dev/stdout) is written to, and not replaced. Throws UserError.
 */
export async function writeOutput(path: string, contents: string | Uint8Array, mode = 0o644): Promise<void> {
  try {
    const old = await stat(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (old?.isDirectory()) throw Object.assign(new Error('it is a directory'), {code: 'EISDIR'})
    await (old && !old.isFile() ? writeFile(path, contents) : publishFile(path, contents, mode))
  } catch (cause) {
    throw new UserError(`cannot write ${path}: ${errnoOf(cause) ?? 'EIO'}`, {
      exit: Exit.unsuitable,
      code: errnoOf(cause) ?? 'EIO',
      help: 'name a file in a directory that exists and may be written to',
      cause,
    })
  }
}

/** Run `body` with a private directory (mode 0700, unpredictable name) that is gone afterwards, whatever happened. */
export async function withPrivateFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-'))
  try {
    return await body(folder)
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
