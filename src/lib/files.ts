// SPDX-License-Identifier: MIT
import {mkdtemp, readFile, rename, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {errnoOf, UserError} from './errors.ts'
import {Exit} from './exit.ts'

/** Contents of a file as UTF-8, or undefined when it does not exist. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * The value of a JSON text, or undefined when the text is not JSON, e.g. in a file that a power cut
 * damaged.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Write a file in one step (rename(2)), so that no reader sees a part of it. The umask applies to
 * `mode`.
 */
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
 * Write the output of a command to the path that the user gave. A regular file is replaced in one
 * step; a device or a pipe (/dev/stdout) is written to. Throws UserError: exit 74 for these, else 69.
 */
export async function writeOutput(path: string, contents: string | Uint8Array, mode = 0o644): Promise<void> {
  let stream = false
  try {
    const old = await stat(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (old?.isDirectory()) throw Object.assign(new Error('it is a directory'), {code: 'EISDIR'})
    stream = old !== undefined && !old.isFile()
    await (stream ? writeFile(path, contents) : publishFile(path, contents, mode))
  } catch (cause) {
    throw new UserError(`cannot write ${path}: ${errnoOf(cause) ?? 'EIO'}`, {
      exit: stream ? Exit.outputLost : Exit.unsuitable,
      code: errnoOf(cause) ?? 'EIO',
      help: 'name a file in a directory that exists and that you can write to',
      cause,
    })
  }
}

/**
 * Run `body` with a private directory (mode 0700, unpredictable name) and remove the directory
 * afterwards, also after an error.
 */
export async function withPrivateFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-'))
  try {
    return await body(folder)
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
