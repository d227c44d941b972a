// SPDX-License-Identifier: MIT
import type {Check} from '../checks/check.ts'
import {CHECK_GROUPS, type CheckGroup} from '../checks/registry.ts'
import type {Result} from '../checks/run.ts'
import {wrap} from '../lib/text.ts'
import {CpuSet} from '../model/cpuset.ts'
import {MARK, plain, renderCounts, renderResult, type Style, type TextOptions} from './text.ts'
import {judgeCpus} from './verdict.ts'

/** What the first lines show of the machine and the run. */
export interface Heading {
  readonly name: string
  readonly kernel?: string
  readonly isolated: CpuSet
  readonly housekeeping: CpuSet
  readonly windowMs: number
}

export interface GroupOptions extends TextOptions {
  /** Show only the count of the checks that passed or were skipped, unless `verbose` is set. */
  readonly fold: boolean
}

/** The results of one group of checks. */
export interface GroupResults {
  readonly group: CheckGroup
  readonly results: readonly Result[]
}

/** Pure. */
export function heading(
  {name, kernel, isolated, housekeeping, windowMs}: Heading,
  {paint, width}: TextOptions,
): readonly string[] {
  const parts = [
    name,
    ...(kernel === undefined ? [] : [`Linux ${kernel}`]),
    `isolated ${isolated.isEmpty ? 'no CPU' : isolated}`,
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
  return [...lines.map((line) => paint('bold', line)), '']
}

/**
 * The group that the newest result completes, or undefined while results of that group are missing.
 * `results` are all results so far; `checks` are the checks that run. Pure.
 */
export function completedGroup(
  results: readonly Result[],
  checks: readonly Check[],
): GroupResults | undefined {
  const newest = results.at(-1)
  const group = CHECK_GROUPS.find(({checks}) => newest !== undefined && checks.includes(newest.check))
  if (group === undefined) return undefined
  const known = results.filter(({check}) => group.checks.includes(check))
  const wanted = checks.filter((check) => group.checks.includes(check))
  return known.length === wanted.length ? {group, results: known} : undefined
}

const SUBJECT_WIDTH = 2 + Math.max(...CHECK_GROUPS.map(({subject}) => subject.length))

/**
 * A group: its verdict on one line, then the checks that are not folded, between blank lines. Empty
 * if `quiet` leaves out everything. No line begins with a mark, because lab demo prints its own
 * verdicts there. Pure.
 */
export function renderGroup({group, results}: GroupResults, options: GroupOptions): readonly string[] {
  const {verbose = false, quiet = false, fold} = options
  const shown = results.filter(({status}) => verbose || !fold || (status !== 'ok' && status !== 'skip'))
  const details = shown.flatMap((result) => renderResult(result, {...options, indent: 4}))
  if (details.length === 0) return quiet ? [] : verdictLine({group, results}, options)
  return ['', ...verdictLine({group, results}, options), ...details, '']
}

/**
 * "  ✖ interrupts        2 failed, 1 warning, 7 passed", and the note of the group's answer if that
 * check is folded.
 */
function verdictLine({group, results}: GroupResults, options: GroupOptions): readonly string[] {
  const {paint, width, verbose = false, fold} = options
  const answer = results.find(({check}) => check === group.answer)
  const [mark, style] = MARK[verdictOf(results, answer)]
  const subject = group.subject.padEnd(SUBJECT_WIDTH)
  const line = `  ${paint(style, mark)} ${paint('bold', subject)}${renderCounts(results, options)}`
  const note = answer === undefined || verbose || !fold ? undefined : noteOf(answer)
  if (note === undefined) return [line]
  const indent = 4 + SUBJECT_WIDTH
  const used = indent + renderCounts(results, {paint: plain}).length
  if (used + 3 + note.length <= width) return [`${line}   ${paint(style, note)}`]
  return [line, ...wrap(note, {indent, width}).map((text) => paint(style, text))]
}

/** The evidence of a check that passed, or why a check was left out. */
function noteOf(result: Result): string | undefined {
  if (result.status === 'ok') return result.evidence
  return result.status === 'skip' ? result.reason : undefined
}

const WORST_FIRST = ['fail', 'unknown', 'warn', 'ok', 'skip'] as const

/** The worst of its results. A group whose answer was left out has not passed. */
function verdictOf(results: readonly Result[], answer: Result | undefined): Result['status'] {
  const worst = WORST_FIRST.find((wanted) => results.some(({status}) => status === wanted)) ?? 'skip'
  return worst === 'ok' && answer?.status === 'skip' ? 'skip' : worst
}

/** The counts, the CPUs that are quiet, and the causes for the others. Pure. */
export function renderSummary(
  results: readonly Result[],
  isolated: CpuSet,
  options: TextOptions,
): readonly string[] {
  const {paint, width} = options
  const {quiet, unproven, disturbed, unanswered, why} = judgeCpus(results, isolated)
  const sentences = [
    ...(isolated.isEmpty ? ['No CPU is isolated.'] : []),
    ...(quiet.isEmpty ? [] : [`CPU ${quiet} ${quiet.size === 1 ? 'is' : 'are'} quiet.`]),
    ...(unproven.isEmpty
      ? []
      : [
          `CPU ${unproven} ${unproven.size === 1 ? 'was' : 'were'} not proven quiet: no answer to ${unanswered.join(', ')}.`,
        ]),
    ...(disturbed.isEmpty ? [] : [`Not quiet: ${listDisturbed(why)}.`]),
  ]
  const style: Style = isolated.isEmpty
    ? 'red'
    : quiet.equals(isolated)
      ? 'green'
      : disturbed.isEmpty
        ? 'yellow'
        : 'red'
  return [
    '',
    renderCounts(results, options),
    ...wrap(sentences.join(' '), {indent: 0, width}).map((line) => paint(style, line)),
  ]
}

/** CPUs with the same causes together: "2-3 (tick), 5 (irq 24, fair server)". */
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

/** Passes lines on to `print`, without blank lines at the start or after another blank line. */
export function squeezed(print: (line: string) => void): (line: string) => void {
  let blank = true
  return (line) => {
    if (!blank || line !== '') print(line)
    blank = line === ''
  }
}
