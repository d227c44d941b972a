// SPDX-License-Identifier: MIT
import {constants} from 'node:fs'
import {copyFile, lstat, readdir, stat} from 'node:fs/promises'
import {basename, dirname, join} from 'node:path'
import {cacheFolder} from '../../lib/cache.ts'
import {errnoOf, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {callingUser, requireTrusted} from '../../lib/trust.ts'
import {newestPackage} from '../build/manifest.ts'

/**
 * The package or the directory to install: the one that the user named, which may belong to root or
 * to the user who called sudo; else the newest build in the cache, which must be root's, because
 * nobody named it and HOME may be that of another user. Nobody else may be able to change it.
 * Throws UserError.
 */
export async function chosen(named: string | undefined, cache?: string): Promise<string> {
  const path = named ?? (await newestPackage(await cacheFolder('builds', cache)))?.folder
  if (path === undefined)
    throw new UserError('there is no kernel to install: this user has built none', {
      help: 'isolctl kernel build makes one; to install one of another user, name its directory',
    })
  const caller = named === undefined ? undefined : callingUser()
  await requireTrusted(path, {
    what: 'the package',
    owners: caller === undefined ? [] : [caller],
    help:
      named === undefined
        ? `name it, to install it all the same: isolctl kernel install ${path}`
        : 'copy it to a directory that only root can write to, and compare its sha256 with that of its builder',
  })
  return path
}

/** The largest set of packages: a kernel with debug information. */
const LARGEST = 4 * 1024 ** 3

/**
 * Copy a package, or the files of a build, to `folder`, which only root can enter, and return the path
 * of the copy: what is verified there is what runs. Throws UserError.
 */
export async function copied(path: string, folder: string): Promise<string> {
  try {
    const kind = await stat(path)
    const build = kind.isDirectory() || basename(path) === 'manifest.json'
    const from = kind.isDirectory() ? path : dirname(path)
    // The manifest beside a package says which build it is.
    const names = build ? await readdir(from) : [basename(path), 'manifest.json']
    let left = LARGEST
    for (const name of names) {
      const found = await lstat(join(from, name)).catch(() => undefined)
      if (found === undefined || !found.isFile()) continue
      left -= found.size
      if (left < 0) throw Object.assign(new Error(path), {code: 'EFBIG'})
      await copyFile(join(from, name), join(folder, name), constants.COPYFILE_EXCL)
    }
    return build ? folder : join(folder, basename(path))
  } catch (cause) {
    throw new UserError(`cannot copy ${path}: ${errnoOf(cause) ?? 'EIO'}`, {
      exit: Exit.unsuitable,
      code: errnoOf(cause) ?? 'EIO',
      help: 'name a linux-image package, or the directory that isolctl kernel build printed',
      cause,
    })
  }
}
