// SPDX-License-Identifier: MIT
import {wrap} from '../lib/text.ts'
import {type Change, chosen, subjectOf} from '../model/change.ts'
import {colour} from './colour.ts'

/** "+" new, "~" changed, "-" removed, "$" a command, which has no diff. Pure. */
export function changeMark(change: Change): '+' | '~' | '-' | '$' {
  if (change.kind === 'run') return '$'
  if (change.from === null) return '+'
  return change.to === null ? '-' : '~'
}

/**
 * Changes as a diff, indented by two blanks. A command that runs only in the other direction is
 * left out, unless `undo` asks for those that undo runs. Pure.
 */
export function renderChanges(
  changes: readonly Change[],
  {width, undo = false}: {readonly width: number; readonly undo?: boolean},
): readonly string[] {
  const values = changes.filter((change) => change.kind === 'set' || change.kind === 'affinity')
  const diffs = values.map(diffOf)
  const columns = {
    path: Math.max(0, ...values.map((change) => subjectOf(change).length)),
    diff: Math.max(0, ...diffs.map((diff) => diff.length)),
  }
  return changes.flatMap((change): readonly string[] => {
    if (change.kind === 'set' || change.kind === 'affinity') return renderValue(change, columns, width)
    if (change.kind === 'folder') return [`  ${changeMark(change)} ${change.path}/`]
    if (change.kind === 'file')
      return [`  ${changeMark(change)} ${change.path}`, ...lineDiff(change.from, change.to)]
    if (change.kind === 'grubenv')
      return [
        `  ${changeMark(change)} ${change.path}   ${change.name}: ${orUnset(change.from)} -> ${orUnset(change.to)}`,
      ]
    const into = change.into ? ` > ${change.into.path}` : ''
    return [
      ...(change.argv === null ? [] : [`  $ ${change.argv.join(' ')}${into}`]),
      ...(undo && change.undo !== null ? [`  $ ${change.undo.join(' ')}${into}   (only on undo)`] : []),
    ]
  })
}

type Value = Extract<Change, {kind: 'set' | 'affinity'}>

/** The old and the new value; for a list of choices, the chosen one. Pure. */
export function valuesOf(change: Value): {readonly from: string; readonly to: string} {
  const {from, to} = change
  const word = change.kind === 'set' && change.format === 'choice'
  return word ? {from: chosen(from), to: chosen(to)} : {from: from.trim() || '""', to: to || '""'}
}

const diffOf = (change: Value): string => {
  const {from, to} = valuesOf(change)
  return change.kind === 'set' && change.format === 'word' ? to : `${from} -> ${to}`
}
const orUnset = (value: string | null) => value ?? '(unset)'

/**
 * On one line if it fits. Otherwise the description of the path goes below, and then also the
 * values.
 */
function renderValue(
  change: Value,
  columns: {readonly path: number; readonly diff: number},
  width: number,
): readonly string[] {
  const [subject, about] = [subjectOf(change), change.about ?? '']
  const line = `  ~ ${subject.padEnd(columns.path)}   ${diffOf(change).padEnd(columns.diff)}`
  const whole = `${line}   ${about}`.trimEnd()
  if (whole.length <= width) return [whole]
  if (line.trimEnd().length <= width) return [line.trimEnd(), ...wrap(about.split(' '), {width, indent: 6})]
  return [
    `  ~ ${subject}`,
    ...wrap([...diffOf(change).split(/ (?=->)/), ...about.split(' ')], {width, indent: 6}),
  ]
}

/**
 * The lines that differ, without the lines that both contents share at the start and at the end.
 */
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

/** A change as it stands in JSON. The contents of files are only in the journal. Pure. */
export function named(
  step: string,
  change: Change,
): {step: string; subject: string; from?: string; to?: string} {
  const values = change.kind === 'set' || change.kind === 'affinity' ? {from: change.from, to: change.to} : {}
  return {step, subject: subjectOf(change), ...values}
}
