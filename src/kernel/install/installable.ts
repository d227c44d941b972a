// SPDX-License-Identifier: MIT
import {stat} from 'node:fs/promises'
import {basename, dirname, join} from 'node:path'
import {cacheFolder} from '../../lib/cache.ts'
import {errnoOf, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {type PackageManifest, PackageManifestSchema} from '../../schema/kernel-build.ts'
import {type Built, newestPackage, readBuilt} from '../build/manifest.ts'
import type {InstalledBuild} from './record.ts'

export interface Installable {
  /** A linux-image package. */
  readonly file: string
  /** Absent for a package without a manifest in its directory. */
  readonly build?: InstalledBuild
}

/** How the running kernel is recognised as this build. Pure. */
export const identityOf = ({key, buildId, config, base, series}: PackageManifest): InstalledBuild => ({
  key,
  buildId,
  configSha256: config.sha256,
  series: {base, ...series},
})

/**
 * The package that the user named: by its path, or by the directory or the manifest.json of its
 * build. If `named` is absent, the newest build of the cache. Throws UserError if there is none,
 * and for a build with a missing or changed file.
 */
export async function installable(named: string | undefined, cache?: string): Promise<Installable> {
  if (named === undefined) {
    const built = await newestPackage(await cacheFolder('builds', cache))
    if (built !== undefined) return image(built)
    throw new UserError('there is no kernel to install: this user has built none', {
      help: 'isolctl kernel build makes one; to install one of another user, name its directory',
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
  const beside = await readBuilt(dirname(named), PackageManifestSchema)
  const ours = beside?.files.some(({role, name}) => role === 'image' && name === basename(named))
  return {file: named, ...(beside !== undefined && ours ? {build: identityOf(beside)} : {})}
}

async function requireBuilt(folder: string): Promise<Built<PackageManifest>> {
  const built = await readBuilt(folder, PackageManifestSchema)
  if (built !== undefined) return built
  throw new UserError(
    `${folder} has no complete package: its manifest or a file that it names is missing or was changed`,
    {
      exit: Exit.unsuitable,
      code: 'bad-package',
      help: 'isolctl kernel build makes the package again',
    },
  )
}

function image(built: Built<PackageManifest>): Installable {
  if (built.format !== 'deb')
    throw new UserError(`${built.folder} has RPM packages, and kernel install takes only Debian packages`, {
      exit: Exit.unsuitable,
      help: 'rpm -ivh --oldpackage installs them beside the running kernel; do not install kernel-headers',
    })
  const name = built.files.find(({role}) => role === 'image')?.name ?? ''
  return {file: join(built.folder, name), build: identityOf(built)}
}
