// SPDX-License-Identifier: MIT
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {cacheFolder} from '../../lib/cache.ts'
import {Interrupted} from '../../lib/errors.ts'
import {publishFile, readIfPresent} from '../../lib/files.ts'
import type {Progress} from '../../lib/progress.ts'
import {sha256} from '../sha256.ts'
import {type MakeOptions, make, objectOf} from './make.ts'
import type {BuildPlan} from './plan.ts'

/**
 * Make the target of the product, with progress in objects. Returns the number of objects of the
 * kernel. Throws as make() does.
 */
export async function compile(
  {product, cache}: Pick<BuildPlan, 'product' | 'cache'>,
  context: MakeOptions,
  progress: Progress,
): Promise<number> {
  const config = sha256(await readFile(join(context.objects, '.config')))
  // A complete build leaves its number for the next one with this configuration.
  const memory = join(await cacheFolder('builds', cache), `.objects-${config.slice(0, 32)}`)
  const already = await countObjects(context.objects)
  const known = (Number(await readIfPresent(memory)) || undefined) ?? product.objects
  const total = known ?? (await progress.step('count what there is to compile', () => countAhead(context)))
  let made = 0
  await progress.step(product.step, async (at) => {
    const report = () => at({done: already + made, unit: 'objects', ...(total === undefined ? {} : {total})})
    report()
    await make([product.target], {
      ...context,
      onLine: (line) => {
        if (objectOf(line) === undefined) return
        made++
        report()
      },
    })
  })
  if (already === 0) await publishFile(memory, `${made}\n`)
  return already + made
}

/** The objects of an earlier try, without those of programs that run while building. */
async function countObjects(folder: string): Promise<number> {
  let count = 0
  // readdir's "recursive" follows "source", the link of kbuild to the tree around the objects.
  for (const entry of await readdir(folder, {withFileTypes: true})) {
    if (entry.isDirectory() && !['scripts', 'tools'].includes(entry.name))
      count += await countObjects(join(folder, entry.name))
    else if (entry.isFile() && entry.name.endsWith('.o')) count++
  }
  return count
}

/** The number of objects by "make --dry-run", which takes seconds; undefined if it prints none. */
async function countAhead(context: MakeOptions): Promise<number | undefined> {
  const before = await countObjects(context.objects)
  let count = 0
  await make(['prepare'], context)
  await make(['--dry-run', '--keep-going', 'vmlinux', 'modules'], {
    ...context,
    log: '/dev/null',
    onLine: (line) => {
      if (/ -c -o (?!scripts\/)[^/\s]\S*\.o /.test(line)) count++
    },
  }).catch((error: unknown) => {
    // A dry run fails at the first target that needs a file of an earlier target.
    if (error instanceof Interrupted) throw error
  })
  return count === 0 ? undefined : before + count
}
