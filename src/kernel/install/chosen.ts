// SPDX-License-Identifier: MIT
import {constants} from 'node:fs'
import {open, readdir, stat} from 'node:fs/promises'
import {basename, dirname, join} from 'node:path'
import {pipeline} from 'node:stream/promises'
import {cacheRoot} from '../../lib/cache.ts'
import {errnoOf, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {callingUser, requireTrusted, requireTrustedFile} from '../../lib/trust.ts'
import {newestPackage} from '../build/manifest.ts'

const OTHERS = 'to install one of another user, name its directory'

/**
 * The package or the directory to install: the one that the user named, which may belong to root or
 * to the user who called sudo; else the newest build in the cache, which must be root's, because
 * nobody named it and HOME may be that of another user. Nobody else may be able to change it.
 * Throws UserError.
 */
export async function chosen(named: string | undefined, cache?: string): Promise<string> {
  const builds = join(cache ?? cacheRoot(), 'builds')
  // Before anything in it is read: the cache may be that of another user, who chose what is there.
  if (named === undefined) await requireTrusted(builds, {what: 'the cache', owners: [], help: OTHERS})
  const path = named ?? (await newestPackage(builds))?.folder
  if (path === undefined)
    throw new UserError('there is no kernel to install: this user has built none', {
      help: `isolctl kernel build makes one; ${OTHERS}`,
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

/** What a copied file must be: the path was looked at before, and the files of a directory were not. */
const trusted = () => ({
  what: 'the file',
  owners: [process.geteuid?.(), callingUser()].filter((uid) => uid !== undefined),
  help: 'copy the package to a directory that only root can write to, and compare its sha256 with that of its builder',
})

/** The largest set of packages: a kernel with debug information. */
const LARGEST = 4 * 1024 ** 3

/**
 * Copy a package, or the files of a build, to `folder`, which only root can enter, and return the path
 * of the copy: what is verified there is what runs. Throws UserError, and the reason of `signal`.
 */
export async function copied(path: string, folder: string, signal?: AbortSignal): Promise<string> {
  await requireTrusted(folder, {
    what: 'the copy of the package in',
    owners: [process.geteuid?.() ?? 0],
    help: 'it is made in the directory that TMPDIR names: unset TMPDIR',
  })
  try {
    const kind = await stat(path)
    const build = kind.isDirectory() || basename(path) === 'manifest.json'
    const from = kind.isDirectory() ? path : dirname(path)
    // The manifest beside a package says which build it is.
    const names = build ? await readdir(from) : [basename(path), 'manifest.json']
    let left = LARGEST
    for (const name of names) {
      signal?.throwIfAborted()
      left -= await copyRegular(join(from, name), join(folder, name), {limit: left, signal})
    }
    return build ? folder : join(folder, basename(path))
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof UserError) throw cause
    throw new UserError(`cannot copy ${path}: ${errnoOf(cause) ?? 'EIO'}`, {
      exit: Exit.unsuitable,
      code: errnoOf(cause) ?? 'EIO',
      help: 'name a linux-image package, or the directory that isolctl kernel build printed',
      cause,
    })
  }
}

/**
 * Copy a file and return its length in bytes. What is there but is no regular file, such as a link or
 * a pipe, is left out: 0. The copy ends at the length that the file had when it was opened.
 */
async function copyRegular(
  from: string,
  to: string,
  {limit, signal}: {readonly limit: number; readonly signal: AbortSignal | undefined},
): Promise<number> {
  const {O_RDONLY, O_NOFOLLOW, O_NONBLOCK} = constants
  const file = await open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: unknown) => {
    // ELOOP: a link; ENXIO: a socket.
    if (['ENOENT', 'ELOOP', 'ENXIO'].includes(errnoOf(error) ?? '')) return undefined
    throw error
  })
  if (file === undefined) return 0
  try {
    const kind = await file.stat()
    if (!kind.isFile()) return 0
    requireTrustedFile(kind, from, trusted())
    if (kind.size > limit) throw Object.assign(new Error(from), {code: 'EFBIG'})
    const copy = await open(to, 'wx', 0o600)
    if (kind.size === 0) await copy.close()
    else
      await pipeline(
        file.createReadStream({end: kind.size - 1, autoClose: false}),
        copy.createWriteStream(),
        signal === undefined ? {} : {signal},
      )
    return kind.size
  } finally {
    await file.close()
  }
}
