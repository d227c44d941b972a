// SPDX-License-Identifier: MIT
import {Exit} from '../lib/exit.ts'
import {count, wrap} from '../lib/text.ts'
import {isVolatile} from '../model/change.ts'
import {changeCount, type Plan, type PlannedStep, rebootPending} from '../plan/plan.ts'
import {renderChanges} from './changes.ts'
import {colour, page} from './colour.ts'

/** How many of the things that a step leaves alone are named; `verbose` names all. */
const NAMED = 3

export interface PlanLayout {
  /** Columns of the terminal; 80 when there is none. */
  readonly width: number
  readonly verbose: boolean
  /** The command that applies this plan, with the flags that it was made with. */
  readonly applyCommand: string
  /** Show also the commands that only undo runs: an operator is to approve them too. */
  readonly undo?: boolean
}

/** A plan as a diff. Pure. */
export function renderPlan(plan: Plan, {width, verbose, applyCommand, undo = false}: PlanLayout): string {
  const shown = plan.steps.filter(
    ({changes, notes, pending}) => changes.length > 0 || notes.length > 0 || pending,
  )
  const lines = [
    ...wrap([`${plan.host}:`, ...headline(plan).split(' ')], {width}),
    ...shown.flatMap((step) => ['', ...renderStep(step, {width, verbose, undo})]),
    ...(plan.conflicts ?? []).flatMap(({evidence, help}) => [
      '',
      ...wrap(`! ${evidence}`.split(' '), {width}).map((line) => colour.yellow(line)),
      ...wrap(help.split(' '), {width, indent: 2}),
    ]),
    ...unknownLines(plan, width),
  ]
  for (const {id, title, reason, changes} of plan.onRequest ?? [])
    lines.push(
      '',
      ...heading(id, title, 'on request', width),
      ...wrap(
        `not planned, because it ${reason}: ${count(changes, 'change')} more with --also ${id}`.split(' '),
        {width, indent: 2},
      ).map((line) => colour.dim(line)),
    )
  if (changeCount(plan) > 0)
    lines.push('', ...footer([`Apply with: ${applyCommand}`, 'Undo later with: isolctl undo'], width))
  return page(lines)
}

/** The steps that cannot be planned, alone: what --quiet leaves of a plan. Pure. */
export const renderUnknown = (plan: Plan, {width}: Pick<PlanLayout, 'width'>): string =>
  page(unknownLines(plan, width).slice(1))

const unknownLines = ({unknown}: Plan, width: number): readonly string[] =>
  unknown.flatMap(({id, title, reason}) => [
    '',
    ...heading(id, title, '', width),
    ...wrap(`cannot be planned: ${reason}`.split(' '), {width, indent: 2}).map((line) =>
      colour.yellow(line.replace('  ', '? ')),
    ),
  ])

function headline(plan: Plan): string {
  const steps = plan.steps.filter(({changes}) => changes.length > 0)
  const reboots = steps.filter(({needsReboot}) => needsReboot).length
  const pending = plan.steps.some((step) => step.pending)
  const nothing =
    plan.unknown.length > 0 ? 'no change known' : pending ? 'nothing to do but reboot' : 'nothing to do'
  const what =
    steps.length === 0
      ? nothing
      : [
          count(steps.length, 'step'),
          count(changeCount(plan), 'change'),
          ...(reboots > 0 ? ['1 reboot'] : []),
        ].join(', ')
  return `${what} · isolated ${plan.isolated} · housekeeping ${plan.housekeeping}`
}

function renderStep(
  step: PlannedStep,
  {width, verbose, undo}: {width: number; verbose: boolean; undo: boolean},
): readonly string[] {
  return [
    ...heading(step.id, step.title, lasting(step), width),
    ...(step.changes.length === 0
      ? []
      : wrap(step.blast.split(' '), {width, indent: 2}).map((line) => colour.dim(line))),
    ...renderChanges(step.changes, {width, undo}),
    ...renderNotes(step, {width, verbose}),
    ...(step.pending ? ['  = already written; it takes effect at the next boot'] : []),
  ]
}

function lasting({changes, needsReboot}: PlannedStep): string {
  if (needsReboot) return 'needs a reboot'
  return changes.length > 0 && changes.every(isVolatile) ? 'until reboot' : ''
}

/**
 * The id and the title of a step, and at the right edge how long it lasts; on a line of its own if
 * that does not fit.
 */
function heading(id: string, title: string, right: string, width: number): readonly string[] {
  const left = `${id}   ${title}`
  const fits = left.length + 3 + right.length <= width
  const painted = `${colour.bold(id)}   ${title}`
  if (right === '') return [painted]
  return fits
    ? [`${painted}${' '.repeat(width - left.length - right.length)}${colour.dim(right)}`]
    : [painted, ' '.repeat(Math.max(0, width - right.length)) + colour.dim(right)]
}

/**
 * What the step leaves alone, grouped by reason: one storage controller may have a hundred queues.
 */
function renderNotes(
  {notes}: PlannedStep,
  {width, verbose}: {width: number; verbose: boolean},
): readonly string[] {
  const reasons = Map.groupBy(notes, ({reason}) => reason)
  return [...reasons].flatMap(([reason, group]) => {
    const named = verbose ? group : group.slice(0, NAMED)
    const rest = group.length - named.length
    const names = named.map(({subject}) => subject).join(', ')
    const text = `${names}${rest > 0 ? ` and ${rest} more` : ''}: ${reason}`
    return wrap(text.split(' '), {width, indent: 4}).map((line, index) =>
      index === 0 ? line.replace(/^ {4}/, '  = ') : line,
    )
  })
}

function footer(parts: readonly string[], width: number): readonly string[] {
  const line = parts.join('        ')
  return line.length <= width ? [line] : parts
}

/** The exit code of plan. Pure. */
export function planExit(plan: Plan): Exit {
  if (changeCount(plan) > 0) return Exit.changes
  if (plan.unknown.length > 0) return Exit.unknown
  return rebootPending(plan) ? Exit.rebootPending : Exit.ok
}
