// SPDX-License-Identifier: MIT
import {readdir, stat} from 'node:fs/promises'
import {join} from 'node:path'
import type * as z from 'zod'
import {parseJson, readIfPresent} from '../../lib/files.ts'
import {type BuildManifest, type PackageManifest, PackageManifestSchema} from '../../schema/kernel-build.ts'
import {fileSha256} from '../sha256.ts'

/** A build that is complete, and the directory with its files and its manifest.json. */
export type Built<M extends BuildManifest = BuildManifest> = M & {readonly folder: string}

/**
 * The build in a directory. Undefined if there is no manifest of this schema, if it has another key
 * than `key`, or if a file is missing or was changed.
 */
export async function readBuilt<M extends BuildManifest>(
  folder: string,
  schema: z.ZodType<M>,
  key?: string,
): Promise<Built<M> | undefined> {
  const text = await readIfPresent(join(folder, 'manifest.json'))
  const found = schema.safeParse(parseJson(text ?? ''))
  if (!found.success || (key !== undefined && found.data.key !== key)) return undefined
  for (const {name, sha256} of found.data.files)
    if ((await fileSha256(join(folder, name)).catch(() => undefined)) !== sha256) return undefined
  return {...found.data, folder}
}

/** The newest complete build of a package below a directory of builds. */
export async function newestPackage(builds: string): Promise<Built<PackageManifest> | undefined> {
  const names = await readdir(builds).catch(() => [])
  const manifests = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(builds, name, 'manifest.json')).catch(() => undefined)
      return {name, at: found?.mtimeMs ?? 0}
    }),
  )
  for (const {name, at} of manifests.sort((a, b) => b.at - a.at)) {
    const built = at === 0 ? undefined : await readBuilt(join(builds, name), PackageManifestSchema)
    if (built !== undefined) return built
  }
  return undefined
}
