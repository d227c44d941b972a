// SPDX-License-Identifier: MIT

import type {Result} from '../checks/run.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Finding, Remedy} from '../model/finding.ts'
import {judgeCpus, summarize} from './verdict.ts'

export type Style = 'red' | 'yellow' | 'green' | 'dim' | 'bold' | 'cyan'
/** Colour, or not: chosen by whoever prints. */
export type Paint = (style: Style, text: string) => string
export const plain: Paint = (_, text) => text

export interface TextOptions {
  readonly paint: Paint
  /** Columns; lines are wrapped to fit. */
  readonly width: number
  /** Every finding, and evidence. */
  readonly verbose?: boolean
  /** Only failures and what could not be determined. */
  readonly quiet?: boolean
}

/** What the first line says of the machine. */
export interface Heading {
  readonly name: string
  readonly kernel?: string
  readonly isolated: CpuSet
  readonly housekeeping: CpuSet
  readonly windowMs: number
}

const MARK = {
  ok: ['✔', 'green'],
  warn: ['!', 'yellow'],
  fail: ['✖', 'red'],
  skip: ['–', 'dim'],
  unknown: ['?', 'yellow'],
} as const

const ID_WIDTH = 26
const FINDINGS_SHOWN = 3

export function heading(
  {name, kernel, isolated, housekeeping, windowMs}: Heading,
  {paint, width}: TextOptions,
): string {
  const parts = [
    name,
    ...(kernel === undefined ? [] : [`Linux ${kernel}`]),
    `isolated ${isolated}`,
    `housekeeping ${housekeeping}`,
    `window ${windowMs / 1000} s`,
  ]
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 3 + part.length <= width)
      lines[lines.length - 1] = `${last} · ${part}`
    else lines.push(part)
  }
  return `${lines.map((line) => paint('bold', line)).join('\n')}\n`
}

/** The lines of one check: one, and detail only for what is wrong. Empty when `quiet` leaves it out. */
export function renderResult(result: Result, options: TextOptions): readonly string[] {
  const {paint, width, verbose = false, quiet = false} = options
  if (quiet && result.status !== 'fail' && result.status !== 'unknown') return []
  const [mark, style] = MARK[result.status]
  const {id, title} = result.check
  const head = `  ${paint(style, mark)} ${id.padEnd(ID_WIDTH)} ${'allowed' in result ? `${title} (allowed)` : title}`
  const used = 5 + Math.max(id.length, ID_WIDTH) + title.length
  const note = 'reason' in result ? result.reason : result.status === 'ok' ? result.evidence : undefined
  const lines: string[] = []
  if (note === undefined) lines.push(head)
  else if (used + 3 + note.length <= width) lines.push(`${head}   ${paint('dim', note)}`)
  else if (result.status === 'ok' && !verbose && !result.check.active) lines.push(head)
  else lines.push(head, ...wrap(note, {indent: 6, width}).map((line) => paint('dim', line)))
  if ('findings' in result) {
    const shown = verbose ? result.findings : result.findings.slice(0, FINDINGS_SHOWN)
    for (const finding of shown) lines.push(...renderFinding(finding, options))
    const hidden = result.findings.length - shown.length
    if (hidden > 0) lines.push(paint('dim', `      and ${hidden} more; -v shows them`))
    if (result.remedy) lines.push(...renderRemedy(result.remedy, options))
  }
  return lines
}

function renderFinding(finding: Finding, options: TextOptions): readonly string[] {
  const {subject, message, expected, actual, remedy} = finding
  const {paint, width} = options
  const comparison = [
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(actual === undefined ? [] : [`found ${actual}`]),
  ].join(', ')
  return [
    ...wrap(`${subject === undefined ? '' : `${subject}: `}${message}`, {indent: 6, width}),
    ...(comparison ? wrap(comparison, {indent: 8, width}).map((line) => paint('dim', line)) : []),
    ...(remedy ? renderRemedy(remedy, options) : []),
  ]
}

/** A command stands on its own line where it does not fit behind the text, unbroken: it is there to be copied. */
function renderRemedy({text, command}: Remedy, {paint, width}: TextOptions): readonly string[] {
  const lines = wrap(`help: ${text}${command === undefined ? '' : ':'}`, {indent: 6, width})
  const painted = lines.map((line, index) =>
    index === 0 ? line.replace('help', paint('cyan', 'help')) : line,
  )
  if (command === undefined) return painted
  const last = lines.at(-1) ?? ''
  if (last.length + 1 + command.length <= width)
    return [...painted.slice(0, -1), `${painted.at(-1)} ${paint('bold', command)}`]
  return [...painted, `        ${paint('bold', command)}`]
}

/** "2 failed, 1 warning, 12 passed" */
export function renderCounts(results: readonly Result[], {paint}: Pick<TextOptions, 'paint'>): string {
  const {ok, warn, fail, skip, unknown} = summarize(results)
  const counts = [
    fail > 0 ? paint('red', `${fail} failed`) : '',
    warn > 0 ? paint('yellow', `${warn} ${warn === 1 ? 'warning' : 'warnings'}`) : '',
    unknown > 0 ? paint('yellow', `${unknown} unknown`) : '',
    skip > 0 ? `${skip} skipped` : '',
    paint(fail + unknown === 0 ? 'green' : 'dim', `${ok} passed`),
  ]
  return counts.filter(Boolean).join(', ')
}

/** The counts, and at last the answer: which CPUs are quiet, and what is wrong with the others. */
export function renderSummary(
  results: readonly Result[],
  isolated: CpuSet,
  options: TextOptions,
): readonly string[] {
  const {paint, width} = options
  const {quiet, unproven, disturbed, unanswered, why} = judgeCpus(results, isolated)
  const sentences = [
    ...(quiet.isEmpty ? [] : [`CPU ${quiet} ${quiet.size === 1 ? 'is' : 'are'} quiet.`]),
    ...(unproven.isEmpty
      ? []
      : [
          `CPU ${unproven} ${unproven.size === 1 ? 'was' : 'were'} not proven quiet: no answer to ${unanswered.join(', ')}.`,
        ]),
    ...(disturbed.isEmpty ? [] : [`Not quiet: ${listDisturbed(why)}.`]),
  ]
  const style: Style = quiet.equals(isolated) ? 'green' : disturbed.isEmpty ? 'yellow' : 'red'
  return [
    '',
    renderCounts(results, options),
    ...wrap(sentences.join(' '), {indent: 0, width}).map((line) => paint(style, line)),
  ]
}

/** CPUs with the same trouble together: "2-3 (tick), 5 (irq 24, fair server)". */
function listDisturbed(why: ReadonlyMap<number, readonly string[]>): string {
  const groups = new Map<string, number[]>()
  for (const [cpu, labels] of [...why].sort(([a], [b]) => a - b)) {
    const [first = '', second, third, ...more] = labels
    const text = [first, second, third, more.length > 0 ? `${more.length} more` : undefined]
      .filter((label) => label !== undefined)
      .join(', ')
    groups.set(text, [...(groups.get(text) ?? []), cpu])
  }
  return [...groups].map(([text, cpus]) => `${CpuSet.from(cpus)} (${text})`).join(', ')
}

/** Fill lines at blanks; a word longer than a line stays whole. */
export function wrap(
  text: string,
  {indent, width}: {readonly indent: number; readonly width: number},
): string[] {
  const lines: string[] = []
  const pad = ' '.repeat(indent)
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(pad + word)
  }
  return lines
}
