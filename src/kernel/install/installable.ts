// SPDX-License-Identifier: MIT
import {stat} from 'node:fs/promises'
import {basename, dirname, join} from 'node:path'
import {cacheFolder} from '../../lib/cache.ts'
import {errnoOf, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {type Built, newestBuilt, readBuilt} from '../build/manifest.ts'
import type {InstalledBuild} from './record.ts'

export interface Installable {
  /** A linux-image package. */
  readonly file: string
  /** Absent for a package without a manifest beside it. */
  readonly build?: InstalledBuild
}

/** What to know a kernel by, once it runs. Pure. */
export const identityOf = ({key, buildId, config, base, series}: Built): InstalledBuild => ({
  key,
  buildId,
  configSha256: config.sha256,
  series: {base, ...series},
})

/**
 * The package that was named: by its own path, by the directory or the manifest.json of its build, or not at all, which is
 * the newest build here. Throws UserError for a build of which a file is missing or was changed.
 */
export async function installable(named: string | undefined, cache?: string): Promise<Installable> {
  if (named === undefined) {
    const built = await newestBuilt(await cacheFolder('builds', cache))
    if (built !== undefined) return image(built)
    throw new UserError('there is no kernel to install: nothing was built here yet', {
      help: 'isolctl kernel build makes one; one that another user built has to be named',
    })
  }
  const found = await stat(named).catch((cause: unknown) => {
    throw new UserError(`cannot read ${named}: ${errnoOf(cause) ?? 'EIO'}`, {
      help: 'name a linux-image package, or the directory that isolctl kernel build printed',
      cause,
    })
  })
  if (found.isDirectory()) return image(await requireBuilt(named))
  if (basename(named) === 'manifest.json') return image(await requireBuilt(dirname(named)))
  const beside = await readBuilt(dirname(named))
  const ours = beside?.files.some(({role, name}) => role === 'image' && name === basename(named))
  return {file: named, ...(beside !== undefined && ours ? {build: identityOf(beside)} : {})}
}

/** Throws UserError (exit 69) for anything but a whole build. */
export async function requireBuilt(folder: string): Promise<Built> {
  const built = await readBuilt(folder)
  if (built !== undefined) return built
  throw new UserError(
    `${folder} is not a whole build: its manifest or a file that it names is missing or was changed`,
    {
      exit: Exit.unsuitable,
      code: 'bad-package',
      help: 'isolctl kernel build makes it again',
    },
  )
}

function image(built: Built): Installable {
  if (built.format !== 'deb')
    throw new UserError(`${built.folder} holds RPM packages, and kernel install knows Debian's only`, {
      exit: Exit.unsuitable,
      help: 'rpm -ivh --oldpackage installs them beside the kernel that runs; not kernel-headers',
    })
  const name = built.files.find(({role}) => role === 'image')?.name ?? ''
  return {file: join(built.folder, name), build: identityOf(built)}
}
