// SPDX-License-Identifier: MIT

import type {Result} from '../checks/run.ts'
import {wrap} from '../lib/text.ts'
import {commandOf, type Finding, type Remedy} from '../model/finding.ts'
import {comparison} from './comparison.ts'
import {summarize} from './verdict.ts'

export type Style = 'red' | 'yellow' | 'green' | 'dim' | 'bold' | 'cyan'
/** Applies a style to a text, or returns it unchanged where there is no colour. */
export type Paint = (style: Style, text: string) => string
export const plain: Paint = (_, text) => text

export interface TextOptions {
  readonly paint: Paint
  /** In columns. Commands are not wrapped, so that they can be copied. */
  readonly width: number
  /** Blanks before the line of a check; 2 if absent. */
  readonly indent?: number
  /** Show every result, every finding, and the evidence of what passed. */
  readonly verbose?: boolean
  /** Show only what failed and what is unknown. */
  readonly quiet?: boolean
}

/** The mark before a result, and its colour. */
export const MARK = {
  ok: ['✔', 'green'],
  warn: ['!', 'yellow'],
  fail: ['✖', 'red'],
  skip: ['–', 'dim'],
  unknown: ['?', 'yellow'],
} as const

const ID_WIDTH = 24
const FINDINGS_SHOWN = 3

/** One check: a line, and its findings if it did not pass. Empty if `quiet` leaves it out. Pure. */
export function renderResult(result: Result, options: TextOptions): readonly string[] {
  const {paint, width, indent = 2, verbose = false, quiet = false} = options
  if (quiet && result.status !== 'fail' && result.status !== 'unknown') return []
  const [mark, style] = MARK[result.status]
  const {id, title} = result.check
  const head = `${' '.repeat(indent)}${paint(style, mark)} ${id.padEnd(ID_WIDTH)} ${'allowed' in result ? `${title} (allowed)` : title}`
  const used = indent + 3 + Math.max(id.length, ID_WIDTH) + title.length
  const note = 'reason' in result ? result.reason : result.status === 'ok' ? result.evidence : undefined
  const lines: string[] = []
  if (note === undefined) lines.push(head)
  else if (used + 3 + note.length <= width) lines.push(`${head}   ${paint('dim', note)}`)
  else if (result.status === 'ok' && !verbose && !result.check.active) lines.push(head)
  else lines.push(head, ...wrap(note, {indent: indent + 4, width}).map((line) => paint('dim', line)))
  if ('findings' in result) {
    const shown = verbose ? result.findings : result.findings.slice(0, FINDINGS_SHOWN)
    for (const finding of shown) lines.push(...renderFinding(finding, options))
    const hidden = result.findings.length - shown.length
    if (hidden > 0) lines.push(paint('dim', `${' '.repeat(indent + 4)}and ${hidden} more; -v shows them`))
    if (result.remedy) lines.push(...renderRemedy(result.remedy, options))
  }
  return lines
}

function renderFinding(finding: Finding, options: TextOptions): readonly string[] {
  const {subject, message, remedy} = finding
  const {paint, width, indent = 2} = options
  const compared = comparison(finding)
  return [
    ...wrap(`${subject === undefined ? '' : `${subject}: `}${message}`, {indent: indent + 4, width}),
    ...(compared ? wrap(compared, {indent: indent + 6, width}).map((line) => paint('dim', line)) : []),
    ...(remedy ? renderRemedy(remedy, options) : []),
  ]
}

/** A command is never wrapped. If it does not fit after the text, it goes on a line of its own. */
function renderRemedy(remedy: Remedy, {paint, width, indent = 2}: TextOptions): readonly string[] {
  const [text, command] = [remedy.text, commandOf(remedy)]
  const lines = wrap(`help: ${text}${command === undefined ? '' : ':'}`, {indent: indent + 4, width})
  const painted = lines.map((line, index) =>
    index === 0 ? line.replace('help', paint('cyan', 'help')) : line,
  )
  if (command === undefined) return painted
  const last = lines.at(-1) ?? ''
  if (last.length + 1 + command.length <= width)
    return [...painted.slice(0, -1), `${painted.at(-1)} ${paint('bold', command)}`]
  return [...painted, `${' '.repeat(indent + 6)}${paint('bold', command)}`]
}

/** "2 failed, 1 warning, 12 passed". Zeros are left out, unless there are no results. Pure. */
export function renderCounts(results: readonly Result[], {paint}: Pick<TextOptions, 'paint'>): string {
  const {ok, warn, fail, skip, unknown} = summarize(results)
  const counts = [
    fail > 0 ? paint('red', `${fail} failed`) : '',
    warn > 0 ? paint('yellow', `${warn} ${warn === 1 ? 'warning' : 'warnings'}`) : '',
    unknown > 0 ? paint('yellow', `${unknown} unknown`) : '',
    ok > 0 || results.length === 0 ? paint(fail + unknown === 0 ? 'green' : 'dim', `${ok} passed`) : '',
    skip > 0 ? paint('dim', `${skip} skipped`) : '',
  ]
  return counts.filter(Boolean).join(', ')
}
