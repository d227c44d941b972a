// SPDX-License-Identifier: MIT
import {wrap} from '../lib/text.ts'
import {type Change, subjectOf} from '../plan/change.ts'
import {colour} from '../ui/colour.ts'

/** "+" new, "~" changed, "-" removed, "$" a command: the only kind that cannot be diffed. */
export function changeMark(change: Change): '+' | '~' | '-' | '$' {
  if (change.kind === 'run') return '$'
  if (change.from === null) return '+'
  return change.to === null ? '-' : '~'
}

/** Changes as a diff, two blanks in. A command that runs only in the other direction is not shown. */
export function renderChanges(
  changes: readonly Change[],
  {width}: {readonly width: number},
): readonly string[] {
  const sets = changes.filter((change) => change.kind === 'set')
  const diffs = sets.map(({from, to}) => `${from.trim()} -> ${to}`)
  const columns = {
    path: Math.max(0, ...sets.map(({path}) => path.length)),
    diff: Math.max(0, ...diffs.map((diff) => diff.length)),
  }
  return changes.flatMap((change): readonly string[] => {
    if (change.kind === 'set') return renderSet(change, columns, width)
    if (change.kind === 'file')
      return [`  ${changeMark(change)} ${change.path}`, ...lineDiff(change.from, change.to)]
    return change.argv === null ? [] : [`  $ ${change.argv.join(' ')}`]
  })
}

/** On one line where it fits, else broken before what the path stands for, else also before the values. */
function renderSet(
  {path, from, to, about = ''}: Extract<Change, {kind: 'set'}>,
  columns: {readonly path: number; readonly diff: number},
  width: number,
): readonly string[] {
  const line = `  ~ ${path.padEnd(columns.path)}   ${`${from.trim()} -> ${to}`.padEnd(columns.diff)}`
  const whole = `${line}   ${about}`.trimEnd()
  if (whole.length <= width) return [whole]
  if (line.trimEnd().length <= width) return [line.trimEnd(), ...wrap(about.split(' '), {width, indent: 6})]
  return [`  ~ ${path}`, ...wrap([from.trim(), `-> ${to}`, ...about.split(' ')], {width, indent: 6})]
}

/** The lines that differ between two contents, without what they share at both ends. */
function lineDiff(from: string | null, to: string | null): readonly string[] {
  const [before, after] = [linesOf(from), linesOf(to)]
  let head = 0
  while (head < Math.min(before.length, after.length) && before[head] === after[head]) head++
  let tail = 0
  while (
    tail < Math.min(before.length, after.length) - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++
  return [
    ...before.slice(head, before.length - tail).map((line) => colour.red(`      - ${line}`)),
    ...after.slice(head, after.length - tail).map((line) => colour.green(`      + ${line}`)),
  ]
}

const linesOf = (text: string | null): readonly string[] =>
  text === null ? [] : text.replace(/\n$/, '').split('\n')

/** A change as JSON names it; contents of files are left to the journal. */
export function named(
  step: string,
  change: Change,
): {step: string; subject: string; from?: string; to?: string} {
  const values = change.kind === 'set' ? {from: change.from, to: change.to} : {}
  return {step, subject: subjectOf(change), ...values}
}
