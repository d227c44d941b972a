// SPDX-License-Identifier: MIT
import {access, constants, copyFile, rename, rm} from 'node:fs/promises'
import {join, resolve} from 'node:path'
import {errnoOf, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import type {Built} from './manifest.ts'

/** Throws UserError (exit 69), before an hour of compiling, for a directory that takes no files. */
export async function requireFolder(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw refused(folder, cause)
  }
}

/** Copy a build to a directory that is there; the manifest last, so that what has one is whole. Returns the directory. */
export async function copyBuilt({folder, files}: Built, to: string): Promise<string> {
  for (const name of [...files.map((file) => file.name), 'manifest.json']) {
    const fresh = join(to, `.${crypto.randomUUID()}.tmp`)
    try {
      await copyFile(join(folder, name), fresh)
      await rename(fresh, join(to, name))
    } catch (cause) {
      await rm(fresh, {force: true})
      throw refused(to, cause)
    }
  }
  return resolve(to)
}

const refused = (folder: string, cause: unknown) =>
  new UserError(`cannot write to ${folder}: ${errnoOf(cause) ?? 'EIO'}`, {
    exit: Exit.unsuitable,
    code: errnoOf(cause) ?? 'EIO',
    help: 'name a directory that exists, may be written to, and has room',
    cause,
  })
