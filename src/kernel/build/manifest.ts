// SPDX-License-Identifier: MIT
import {createHash} from 'node:crypto'
import {createReadStream} from 'node:fs'
import {readdir, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {parseJson, readIfPresent} from '../../lib/files.ts'
import {type BuildManifest, BuildManifestSchema} from '../../schema/kernel-build.ts'

export type {BuildManifest}

export interface Built extends BuildManifest {
  /** The directory with all of it. */
  readonly folder: string
}

/** A whole build in a directory, with that key; undefined when there is none, or one of its files is not what it was. */
export async function readBuilt(folder: string, key?: string): Promise<Built | undefined> {
  const text = await readIfPresent(join(folder, 'manifest.json'))
  const found = BuildManifestSchema.safeParse(parseJson(text ?? ''))
  if (!found.success || (key !== undefined && found.data.key !== key)) return undefined
  for (const {name, sha256} of found.data.files)
    if ((await fileSha256(join(folder, name)).catch(() => undefined)) !== sha256) return undefined
  return {...found.data, folder}
}

/** The newest whole build below a directory of builds. */
export async function newestBuilt(builds: string): Promise<Built | undefined> {
  const names = await readdir(builds).catch(() => [])
  const manifests = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(builds, name, 'manifest.json')).catch(() => undefined)
      return {name, at: found?.mtimeMs ?? 0}
    }),
  )
  for (const {name, at} of manifests.sort((a, b) => b.at - a.at)) {
    const built = at === 0 ? undefined : await readBuilt(join(builds, name))
    if (built !== undefined) return built
  }
  return undefined
}

export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
