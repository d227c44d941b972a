// SPDX-License-Identifier: MIT
import {mkdir, rename, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {cacheFolder} from '../../lib/cache.ts'
import {Interrupted, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {readIfPresent} from '../../lib/files.ts'
import type {Progress} from '../../lib/progress.ts'
import type {Source} from './archive.ts'
import {expectedLines, findConflict} from './conflict.ts'
import {packInto} from './pack.ts'
import {type Patch, type Series, sha256} from './series.ts'

const STAMP = '.isolctl-tree.json'

export interface TreeOptions {
  readonly source: Source
  readonly series: Series
  readonly progress: Progress
  readonly cache?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export function treeKey({source, series}: Pick<TreeOptions, 'source' | 'series'>): string {
  return sha256(`${source.sha256} ${series.sha256}\n`).slice(0, 32)
}

/** Where a tree with this key is or will be. */
export async function treePath(key: string, cache?: string): Promise<string> {
  return join(await cacheFolder('trees', cache), key)
}

/** Whether it is there, whole. */
export async function hasTree(path: string): Promise<boolean> {
  return (await readIfPresent(join(path, STAMP))) !== undefined
}

/**
 * The source with the whole series applied, named after what went into it: made beside its place and renamed when it is
 * complete, so that what has the name is complete, and no tree is ever patched twice.
 * Throws UserError (exit 69) that names patch, file and hunk when one does not apply without fuzz.
 */
export async function patchedTree(options: TreeOptions): Promise<string> {
  const {source, series, progress, signal} = options
  const place = await treePath(treeKey(options), options.cache)
  if (await hasTree(place)) return place
  const fresh = `${place}.${crypto.randomUUID()}.tmp`
  try {
    await progress.step(`unpack Linux ${source.version}`, async () => {
      await mkdir(fresh, {mode: 0o755})
      await unpack(source, fresh, signal)
    })
    await progress.step(`apply ${count(series.patches.length, 'patch', 'patches')}`, async (at) => {
      for (const [done, patch] of series.patches.entries()) {
        at({done, total: series.patches.length, unit: 'patches'})
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

async function unpack(source: Source, into: string, signal: AbortSignal | undefined): Promise<void> {
  const {archive, pack} = source
  const options = ['--extract', '--no-same-owner', '--strip-components=1', '--directory', into, '--file']
  const tar = execa('tar', [...options, pack === undefined ? archive : '-'], {...run(signal), stdin: 'pipe'})
  tar.stdin.on('error', () => {}) // what ended early says why itself
  const sum = pack === undefined ? tar.stdin.end() && undefined : await packInto(tar.stdin, pack, signal)
  const {failed, stderr, isCanceled} = await tar
  if (isCanceled || signal?.aborted) throw interruption(signal)
  if (failed)
    throw new UserError(`cannot unpack ${archive}: ${lastLine(stderr)}`, {
      exit: Exit.unsuitable,
      help: 'is there space left, and is the archive whole?',
    })
  if (pack?.sha256 !== undefined && pack.sha256 !== sum)
    throw new UserError(`${archive} was changed while it was copied`, {
      exit: Exit.unsuitable,
      help: 'start again when nobody writes to it',
    })
}

/**
 * Fuzz would let a hunk land where its context no longer is; -t and -N make patch(1) refuse, and not ask, when a patch is
 * already there or reversed. Not `git apply`: below another repository's work tree it skips files and succeeds.
 */
export async function applyPatch(patch: Patch, tree: string, signal: AbortSignal | undefined): Promise<void> {
  const {failed, stdout, stderr, isCanceled} = await execa(
    'patch',
    ['-p1', '-F0', '-N', '-t', '--no-backup-if-mismatch', '-d', tree, '-i', patch.path],
    run(signal),
  )
  if (isCanceled) throw interruption(signal)
  if (failed)
    throw new UserError(
      `${patch.name} does not apply${patchFailure(`${stdout}\n${stderr}`)}${await changeBehind(patch, tree, stdout)}`,
      {
        exit: Exit.unsuitable,
        code: 'patch-failed',
        help: 'the patch and the source do not belong together: see base.json for the versions it was tested with',
      },
    )
}

/** From what patch(1) says: ": kernel/sys.c, hunk 2 at line 2345", or its own last words. */
export function patchFailure(output: string): string {
  let file: string | undefined
  for (const line of output.split('\n')) {
    file = /^(?:checking|patching) file (\S+)/.exec(line)?.[1] ?? file
    const hunk = /^Hunk #(\d+) (?:FAILED|ignored) at (\d+)/.exec(line)
    if (hunk) return `: ${file ?? 'unknown file'}, hunk ${hunk[1]} at line ${hunk[2]}`
    const create = /would create the file (\S+),/.exec(line)
    if (create) return `: ${create[1]} exists already`
    const missing = /^can't find file to patch at input line (\d+)/.exec(line)
    if (missing) return `: the file to patch does not exist (line ${missing[1]} of the patch)`
    if (/^Reversed \(or previously applied\) patch detected/.test(line))
      return `: ${file ?? 'unknown file'} has it already`
  }
  const words = lastLine(output)
  return words === '' ? '' : `: ${words}`
}

function failedHunk(output: string): {readonly file: string; readonly hunk: number} | undefined {
  let file: string | undefined
  for (const line of output.split('\n')) {
    file = /^(?:checking|patching) file (\S+)/.exec(line)?.[1] ?? file
    const hunk = /^Hunk #(\d+) FAILED /.exec(line)?.[1]
    if (hunk !== undefined && file !== undefined) return {file, hunk: Number(hunk)}
  }
  return undefined
}

/** What the source has instead, if that can be told: '; line 7 is "x", and the patch expects "y"'. */
async function changeBehind(patch: Patch, tree: string, output: string): Promise<string> {
  const failed = failedHunk(output)
  if (failed === undefined) return ''
  const [text, source] = [await readIfPresent(patch.path), await readIfPresent(join(tree, failed.file))]
  const conflict = findConflict(source ?? '', expectedLines(text ?? '', failed.file, failed.hunk))
  if (conflict === undefined) return ''
  const {line, expected, found} = conflict
  return `; line ${line} of it is "${found.trim()}", and the patch expects "${expected.trim()}"`
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

function run(signal: AbortSignal | undefined) {
  return {
    env: {LC_ALL: 'C'},
    stdin: 'ignore',
    reject: false,
    killDescendants: true, // tar starts xz
    ...(signal === undefined ? {} : {cancelSignal: signal}),
  } as const
}

function interruption(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof UserError ? signal.reason : new Interrupted()
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`
}
