// SPDX-License-Identifier: MIT
import {statfs} from 'node:fs/promises'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {hasAnyTree} from '../source/patched-tree.ts'
import type {KernelConfig} from './config-file.ts'

/** Measured with Linux 6.12: 1.7 GB without objects. */
const TREE_BYTES = 2.5e9

/**
 * The bytes that a build takes besides its tree: a fixed part, and a part for each module. Measured
 * with Linux 6.12: 0.3 GB for 1,700 objects without modules; the 4,200 modules of Debian have
 * 15,000 objects. Pure.
 */
export function bytesFor(
  config: KernelConfig,
  {debugInfo, trimmed}: {debugInfo: boolean; trimmed: boolean},
): number {
  const modules = [...config.values()].filter((value) => value === 'm').length
  const plain = 1e9 + (trimmed ? Math.min(modules, 300) : modules) * 2e6
  return debugInfo && config.get('DEBUG_INFO') === 'y' ? plain * 4 : plain
}

/**
 * Throws UserError (exit 69) if the cache lacks the space for a build. `bytes`: what the build
 * takes besides its tree. A tree that the cache has needs no space: either it is the one of this
 * build, or it is removed before (dropOtherTrees).
 */
export async function requireSpace(bytes: number, cache: string): Promise<void> {
  const needed = ((await hasAnyTree(cache)) ? 0 : TREE_BYTES) + bytes
  const {bavail, bsize} = await statfs(cache)
  const free = bavail * bsize
  if (free >= needed) return
  throw new UserError(
    `building the kernel takes ${gigabytes(needed)}, and ${cache} has ${gigabytes(free)} left`,
    {
      exit: Exit.unsuitable,
      code: 'no-space',
      help: 'free some space, or name a directory on a bigger disk: XDG_CACHE_HOME=/path',
    },
  )
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`
