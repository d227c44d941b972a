// SPDX-License-Identifier: MIT

import type {Check} from '../checks/check.ts'
import {CHECK_GROUPS} from '../checks/registry.ts'
import type {Fact} from '../facts/fact.ts'
import type {Kernel} from '../facts/kernel.ts'
import {wrap} from '../lib/text.ts'
import {CpuSet} from '../model/cpuset.ts'
import {commandOf, type Remedy} from '../model/finding.ts'
import type {Settings} from '../model/settings.ts'
import type {Paint} from './text.ts'

/** What is known about a check without a machine. */
export interface Explanation {
  readonly id: string
  readonly title: string
  readonly why: string
  readonly measured: string
  readonly values: string
  readonly remedy?: Remedy
  readonly reference?: string
}

/** The CPUs that the remedies name, because there is no machine. */
const EXAMPLE: Settings = {
  isolated: CpuSet.parse('2-3'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'other'},
  windowMs: 10_000,
}

/**
 * The oldest kernel that isolctl supports. It needs every step, also those that newer kernels do
 * not need.
 */
const OLD_KERNEL: Kernel = {release: '6.1.0', major: 6, minor: 1}

export function explanation(check: Check): Explanation {
  const {id, title, why, values, reference} = check
  const remedy = exampleRemedy(check)
  return {
    id,
    title,
    why,
    measured: howMeasured(check),
    values,
    ...(remedy === undefined ? {} : {remedy}),
    ...(reference === undefined ? {} : {reference}),
  }
}

function exampleRemedy({remedy}: Check): Remedy | undefined {
  if (typeof remedy !== 'function') return remedy
  try {
    return remedy({settings: EXAMPLE, kernel: OLD_KERNEL})
  } catch {
    return undefined // it needs more facts about the machine
  }
}

const DEPENDS = 'it depends on the cause; the report gives it with each finding'

const WATCHED =
  'counted over the window (10 s, or --window) from a housekeeping CPU, in two samples of /proc/interrupts, the run queues and all tasks'

function howMeasured({facts, active, extended}: Check): string {
  const ids = Object.values(facts as Record<string, Fact<unknown>>).map(({id}) => id)
  const asked = extended ? '; runs only with --extended, or by name' : ''
  if (active)
    return `${WATCHED}, while a spinner keeps every isolated CPU busy; left out by --passive${asked}`
  if (ids.includes('watched')) return `${WATCHED}; without load under --passive${asked}`
  return `read once (${readable(ids)}); it disturbs nothing${asked}`
}

/**
 * The names of facts in words. Settings and probe are left out, because they are not read from the
 * machine.
 */
const readable = (ids: readonly string[]): string =>
  ids
    .filter((id) => id !== 'settings' && id !== 'probe')
    .map((id) =>
      id
        .replace(/^seen /, '')
        .replace(/[?!]$/, '')
        .replaceAll(/(?<=[a-z0-9])-(?=[a-z0-9])/g, ' '),
    )
    .join(', ') || 'from the settings'

/** Every check by its group, for `isolctl explain` without an id. Pure. */
export function renderCheckList({
  paint,
  width,
}: {
  readonly paint: Paint
  readonly width: number
}): readonly string[] {
  const idWidth = Math.max(...CHECK_GROUPS.flatMap(({checks}) => checks.map(({id}) => id.length)))
  return CHECK_GROUPS.flatMap(({subject, about, checks}, index) => [
    ...(index === 0 ? [] : ['']),
    ...wrap(`${subject}: ${about}`, {indent: 0, width}).map((line, at) =>
      at === 0 ? line.replace(subject, paint('bold', subject)) : line,
    ),
    ...checks.map(({id, title}) => `  ${paint('cyan', id.padEnd(idWidth))} ${title}`),
  ])
}

/** One check, in sections. Pure. */
export function renderExplanation(
  check: Check,
  {paint, width}: {readonly paint: Paint; readonly width: number},
): readonly string[] {
  const {id, title, why, measured, values, remedy, reference} = explanation(check)
  const command = remedy && commandOf(remedy)
  const section = (name: string, text: string) => ['', paint('cyan', name), ...wrap(text, {indent: 2, width})]
  return [
    `${paint('bold', id)}: ${title}`,
    ...section('why', why),
    ...section('how', measured),
    ...section('values', values),
    ...section('what to do', remedy?.text ?? DEPENDS),
    ...(command === undefined ? [] : [`  ${paint('bold', command)}`]),
    ...(reference === undefined ? [] : section('reference', reference)),
  ]
}

const MEANING = `| result | meaning | exit code |
| --- | --- | --- |
| \`✔\` ok | the condition holds | 0 |
| \`!\` warn | it can disturb later, or \`--allow\` permits the failure | 0, or 1 with \`--strict\` |
| \`✖\` fail | the condition does not hold | 1 |
| \`?\` unknown | it could not be determined; this never counts as a pass | 3 when nothing failed |
| \`–\` skip | it does not apply, or was left out (\`--passive\`, a captured machine) | 0 |`

const filled = (text: string): string => wrap(text, {width: 100}).join('\n')

/** docs/checks.md. Pure. */
export function checksPage(): string {
  const groups = CHECK_GROUPS.map(({subject, about, checks}) =>
    [`## ${subject}`, filled(`This group is about ${about}.`), ...checks.map(checkSection)].join('\n\n'),
  )
  return `${[
    '<!-- Generated by scripts/docs.ts from src/checks; do not edit. -->',
    '# Checks of `isolctl preflight`',
    filled(
      'Each check has a stable id, for `--only`, `--skip`, `--allow` and `isolctl explain`. The checks are grouped by ' +
        'subject, as the report prints them. The examples isolate CPUs 2-3 and keep 0-1 for housekeeping.',
    ),
    MEANING,
    ...groups,
  ].join('\n\n')}\n`
}

function checkSection(check: Check): string {
  const {id, title, why, measured, values, remedy, reference} = explanation(check)
  const command = remedy && commandOf(remedy)
  const toDo = remedy === undefined ? `${DEPENDS}.` : `${remedy.text}${command === undefined ? '.' : ':'}`
  return [
    `### ${id}`,
    `*${title}*`,
    filled(why),
    filled(`**How it is measured:** ${measured}.`),
    filled(`**What the values mean:** ${values}`),
    filled(`**What to do:** ${toDo}`),
    ...(command === undefined ? [] : [`    ${command}`]),
    ...(reference === undefined ? [] : [`**Reference:** \`${reference}\``]),
  ].join('\n\n')
}
