// SPDX-License-Identifier: MIT

/** A line of the source that differs from what a patch expects. */
export interface Conflict {
  /** Line number in the source, from 1. */
  readonly line: number
  readonly expected: string
  readonly found: string
}

/**
 * The lines that a hunk expects, in order: its context and the lines that it removes. The hunks of
 * a file are numbered from 1. Empty if the patch has no such hunk. Pure.
 */
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
 * The first line that differs from a hunk, at the place of the source that has most lines of the
 * hunk. Undefined if no place has any. Pure.
 */
export function findConflict(source: string, wanted: readonly string[]): Conflict | undefined {
  const lines = source.split('\n')
  let best = {at: 0, same: 0}
  for (let at = 1 - wanted.length; at < lines.length; at++) {
    // Braces and empty lines match everywhere.
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
