// SPDX-License-Identifier: MIT
import {access, constants, copyFile, rename, rm} from 'node:fs/promises'
import {join, resolve} from 'node:path'
import {errnoOf, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import type {Built} from './manifest.ts'

/** Throws UserError (exit 69) for a directory that does not exist or cannot be written. */
export async function requireFolder(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw refused(folder, cause)
  }
}

/**
 * Copy a build to an existing directory. The manifest is copied last: a directory with a manifest
 * has all files. Returns the absolute path of the directory. Throws UserError (exit 69).
 */
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
    help: 'name a directory that exists, is writable, and has space',
    cause,
  })
