// SPDX-License-Identifier: MIT
import {readdir, rm, statfs} from 'node:fs/promises'
import {join} from 'node:path'
import {cacheFolder} from '../../lib/cache.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {hasTree} from '../source/patched-tree.ts'

/** Measured with Linux 6.12: the tree alone is 1.7 GB. */
const TREE_BYTES = 2.5e9

/** Those of an earlier try, without the ones of programs that run while building. */
export async function countObjects(folder: string): Promise<number> {
  let count = 0
  // Not readdir's own recursion: it follows "source", the link that kbuild makes to the tree we are in.
  for (const entry of await readdir(folder, {withFileTypes: true})) {
    if (entry.isDirectory() && !['scripts', 'tools'].includes(entry.name))
      count += await countObjects(join(folder, entry.name))
    else if (entry.isFile() && entry.name.endsWith('.o')) count++
  }
  return count
}

/** A tree is 1.7 GB and made in a minute: only the one in use is worth its space. Called with the lock held. */
export async function dropOtherTrees(keep: string, root: string): Promise<void> {
  const trees = await cacheFolder('trees', root)
  for (const name of await readdir(trees))
    if (name !== keep) await rm(join(trees, name), {recursive: true, force: true})
}

/** `objects`: bytes that a build takes besides its tree. Throws UserError (exit 69). */
export async function requireSpace(tree: string, root: string, objects: number): Promise<void> {
  const needed = ((await hasTree(tree)) ? 0 : TREE_BYTES) + objects
  const {bavail, bsize} = await statfs(root)
  const free = bavail * bsize
  if (free >= needed) return
  throw new UserError(
    `building the kernel takes ${gigabytes(needed)}, and ${root} has ${gigabytes(free)} left`,
    {
      exit: Exit.unsuitable,
      code: 'no-space',
      help: 'free some space, or name a directory on a bigger disk: XDG_CACHE_HOME=/path',
    },
  )
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
