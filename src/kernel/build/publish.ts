// SPDX-License-Identifier: MIT
import {mkdir, readFile, rename, rm, writeFile} from 'node:fs/promises'
import {basename, join} from 'node:path'
import {execa} from 'execa'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import type {BuildFacts, BuildManifest} from '../../schema/kernel-build.ts'
import {fileSha256, sha256} from '../sha256.ts'
import type {Built} from './manifest.ts'
import {type BuildPlan, logOf, placeOf, provenanceOf} from './plan.ts'

/**
 * Move what make left to the build's folder, with the manifest. The folder is made beside its place
 * and renamed, so that a build in the cache is always complete. `date`: of the source, in seconds
 * since the epoch; `count`: the number of objects. Throws UserError (exit 69).
 */
export async function publish<M extends BuildManifest>(
  plan: BuildPlan<M>,
  objects: string,
  {date, count}: {readonly date: number; readonly count: number},
): Promise<Built<M>> {
  const {
    product,
    key,
    config: {from},
    compiler,
  } = plan
  const place = await placeOf(plan)
  const fresh = `${place}.${crypto.randomUUID()}.tmp`
  const release = (await readFile(join(objects, 'include/config/kernel.release'), 'utf8')).trim()
  const config = await readFile(join(objects, '.config'))
  const vmlinux = join(objects, 'vmlinux')
  const files: BuildFacts['files'] = [{role: 'config', name: 'config', sha256: sha256(config)}]
  try {
    await mkdir(fresh, {mode: 0o755})
    await writeFile(join(fresh, 'config'), config)
    for (const {role, path} of await product.collect(objects, release)) {
      const name = basename(path)
      files.push({role, name, sha256: await fileSha256(path)})
      await rename(path, join(fresh, name))
    }
    if (!files.some(({role}) => role === 'image'))
      throw new UserError(`the kernel was built, but make left no image of ${release}`, {
        exit: Exit.unsuitable,
        help: `the complete log: ${await logOf(plan)}`,
      })
    const manifest = product.manifest({
      key,
      release,
      ...provenanceOf(plan),
      config: {from, sha256: sha256(config)},
      compiler,
      date,
      buildId: await buildIdOf(vmlinux),
      vmlinuxSha256: await fileSha256(vmlinux),
      objects: count,
      files,
    })
    await writeFile(join(fresh, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    await rm(place, {recursive: true, force: true})
    await rename(fresh, place)
    return {...manifest, folder: place}
  } finally {
    await rm(fresh, {recursive: true, force: true})
  }
}

async function buildIdOf(vmlinux: string): Promise<string> {
  const {stdout, failed, shortMessage} = await execa('readelf', ['--notes', vmlinux], {
    env: {LC_ALL: 'C'},
    stdin: 'ignore',
    reject: false,
  })
  const id = /^\s*Build ID: ([0-9a-f]+)$/m.exec(stdout)?.[1]
  if (id !== undefined) return id
  if (failed)
    throw new UserError(`cannot read the build id of ${vmlinux}: ${shortMessage}`, {
      exit: Exit.unsuitable,
      help: 'the build is complete: correct this and run the command again',
    })
  throw new UserError(`${vmlinux} has no build id`, {
    exit: Exit.unsuitable,
    help: 'the linker wrote none: check that ld in PATH is that of binutils',
  })
}
