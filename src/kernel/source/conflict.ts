// SPDX-License-Identifier: MIT

/** A line of a source that a patch knows otherwise. */
export interface Conflict {
  /** From 1, in the source as it is. */
  readonly line: number
  readonly expected: string
  readonly found: string
}

/** The lines that a hunk wants to see, in order: context, and what it takes away. Hunks of one file count from 1. Pure. */
export function expectedLines(patch: string, file: string, hunk: number): readonly string[] {
  const lines = patch.split('\n')
  const from = lines.findIndex((line) => line === `+++ b/${file}` || line.startsWith(`+++ b/${file}\t`))
  if (from === -1) return []
  const wanted: string[] = []
  let count = 0
  let left = 0
  for (const line of lines.slice(from + 1)) {
    const head = /^@@ -\d+(?:,(\d+))? /.exec(line)
    if (head) {
      count++
      left = Number(head[1] ?? 1)
      continue
    }
    if (left === 0 && /^(?:diff |--- |-- $)/.test(line)) break
    if (left === 0 || line.startsWith('+') || line.startsWith('\\')) continue
    left--
    if (count === hunk) wanted.push(line.slice(1))
  }
  return wanted
}

/**
 * What changed where a hunk belongs: the first line that differs, at the place of the source that is most like what the
 * hunk wants to see. Undefined when no place is like it at all. Pure.
 */
export function findConflict(source: string, wanted: readonly string[]): Conflict | undefined {
  const lines = source.split('\n')
  let best = {at: 0, same: 0}
  for (let at = 1 - wanted.length; at < lines.length; at++) {
    // A brace or an empty line is like every other one.
    const same = wanted.filter((line, n) => lines[at + n] === line && /\w/.test(line)).length
    if (same > best.same) best = {at, same}
  }
  if (best.same === 0) return undefined
  for (const [n, expected] of wanted.entries()) {
    const found = lines[best.at + n]
    if (found !== undefined && found !== expected) return {line: best.at + n + 1, expected, found}
  }
  return undefined
}
