// SPDX-License-Identifier: MIT
import {mkdir, readdir, rename, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {cacheFolder} from '../../lib/cache.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {readIfPresent} from '../../lib/files.ts'
import {interruption} from '../../lib/interrupt.ts'
import type {Progress} from '../../lib/progress.ts'
import {sha256} from '../sha256.ts'
import {applyPatch} from './apply-patch.ts'
import {packInto} from './pack.ts'
import type {Series} from './series.ts'
import type {Source} from './source.ts'

/** Written last: a tree that contains this file is complete. */
const STAMP = '.isolctl-tree.json'

/** A source with a series applied. */
export interface PatchedSource {
  readonly source: Source
  readonly series: Series
}

export interface TreeOptions extends PatchedSource {
  readonly progress: Progress
  readonly cache?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** The tree's name in the cache. Pure. */
const treeKey = ({source, series}: PatchedSource): string =>
  sha256(`${source.sha256} ${series.sha256}\n`).slice(0, 32)

const hasTree = async (path: string) => (await readIfPresent(join(path, STAMP))) !== undefined

/** Whether the cache has a complete tree, of this source or of another one. */
export async function hasAnyTree(cache: string): Promise<boolean> {
  const trees = await cacheFolder('trees', cache)
  for (const name of await readdir(trees)) if (await hasTree(join(trees, name))) return true
  return false
}

/**
 * Remove the trees of other sources, and the objects in them: a tree has 1.7 GB and is made in a
 * minute. The caller holds the lock of the cache.
 */
export async function dropOtherTrees(patched: PatchedSource, cache: string): Promise<void> {
  const trees = await cacheFolder('trees', cache)
  for (const name of await readdir(trees))
    if (name !== treeKey(patched)) await rm(join(trees, name), {recursive: true, force: true})
}

/**
 * The path of the source with the whole series applied. The tree is made beside its place and
 * renamed when it is complete, so that a tree is never half patched and never patched twice. Throws
 * UserError (exit 69) that names patch, file and hunk if a patch does not apply; Interrupted.
 */
export async function patchedTree(options: TreeOptions): Promise<string> {
  const {source, series, progress, signal} = options
  const place = join(await cacheFolder('trees', options.cache), treeKey(options))
  if (await hasTree(place)) return place
  const fresh = `${place}.${crypto.randomUUID()}.tmp`
  const total = series.patches.length
  try {
    await progress.step(`unpack Linux ${source.version}`, async () => {
      await mkdir(fresh, {mode: 0o755})
      await unpack(source, fresh, signal)
    })
    await progress.step(`apply ${total} ${total === 1 ? 'patch' : 'patches'}`, async (at) => {
      for (const [done, patch] of series.patches.entries()) {
        at({done, total, unit: 'patches'})
        await applyPatch(patch, fresh, signal)
      }
    })
    const stamp = {
      source: {version: source.version, sha256: source.sha256},
      patches: series.patches.map(({name, sha256}) => ({name, sha256})),
    }
    await writeFile(join(fresh, STAMP), `${JSON.stringify(stamp, null, 2)}\n`)
    await rename(fresh, place)
    return place
  } finally {
    await rm(fresh, {recursive: true, force: true})
  }
}

/**
 * Unpack a source into a folder, without the directory around it. Throws UserError (exit 69),
 * Interrupted.
 */
export async function unpack(source: Source, into: string, signal?: AbortSignal): Promise<void> {
  const {archive, pack} = source
  const tar = execa(
    'tar',
    [
      ...['--extract', '--no-same-owner', '--strip-components=1', '--directory', into],
      ...['--file', pack === undefined ? archive : '-'],
    ],
    {
      env: {LC_ALL: 'C'},
      stdin: 'pipe',
      reject: false,
      killDescendants: true, // tar starts xz
      ...(signal === undefined ? {} : {cancelSignal: signal}),
    },
  )
  tar.stdin.on('error', () => {}) // if tar ended early, its exit status says so
  const sum = pack === undefined ? tar.stdin.end() && undefined : await packInto(tar.stdin, pack, signal)
  const {failed, stderr, isCanceled} = await tar
  if (isCanceled || signal?.aborted) throw interruption(signal)
  if (failed)
    throw new UserError(`cannot unpack ${archive}: ${stderr.trim().split('\n').at(-1)}`, {
      exit: Exit.unsuitable,
      help: 'the disk may be full (df), or the archive truncated: download it again',
    })
  if (pack?.sha256 !== undefined && pack.sha256 !== sum)
    throw new UserError(`${archive} changed while it was copied`, {
      exit: Exit.unsuitable,
      help: 'start again when no other program writes to it',
    })
}
