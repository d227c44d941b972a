// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {execa} from 'execa'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {readIfPresent} from '../../lib/files.ts'
import {interruption} from '../../lib/interrupt.ts'
import {expectedLines, findConflict} from './conflict.ts'
import type {Patch} from './series.ts'

/**
 * Apply a patch without fuzz: with fuzz, patch(1) could put a hunk at the wrong place. With -t and
 * -N it refuses a patch that is applied already or reversed, and does not ask. `git apply` is no
 * alternative: below the work tree of another repository it skips files and succeeds.
 *
 * Throws UserError (exit 69) that names the patch, the file and the hunk; Interrupted.
 */
export async function applyPatch(patch: Patch, tree: string, signal?: AbortSignal): Promise<void> {
  const {failed, stdout, stderr, isCanceled} = await execa(
    'patch',
    ['-p1', '-F0', '-N', '-t', '--no-backup-if-mismatch', '-d', tree, '-i', patch.path],
    {
      env: {LC_ALL: 'C'},
      stdin: 'ignore',
      reject: false,
      ...(signal === undefined ? {} : {cancelSignal: signal}),
    },
  )
  if (isCanceled) throw interruption(signal)
  if (failed)
    throw new UserError(
      `${patch.name} does not apply${patchFailure(`${stdout}\n${stderr}`)}${await difference(patch, tree, stdout)}`,
      {
        exit: Exit.unsuitable,
        code: 'patch-failed',
        help: 'the patch is not for this source: base.json names the versions that the series was tested with',
      },
    )
}

/** What patch(1) reports, as ": kernel/sys.c, hunk 2 at line 2345", or its last line. Pure. */
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
  const last = output.trim().split('\n').at(-1) ?? ''
  return last === '' ? '' : `: ${last}`
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

/**
 * '; line 7 of it is "x", and the patch expects "y"', or "" if no place in the source resembles the
 * hunk.
 */
async function difference(patch: Patch, tree: string, output: string): Promise<string> {
  const failed = failedHunk(output)
  if (failed === undefined) return ''
  const [text, source] = [await readIfPresent(patch.path), await readIfPresent(join(tree, failed.file))]
  const conflict = findConflict(source ?? '', expectedLines(text ?? '', failed.file, failed.hunk))
  if (conflict === undefined) return ''
  const {line, expected, found} = conflict
  return `; line ${line} of it is "${found.trim()}", and the patch expects "${expected.trim()}"`
}
