// SPDX-License-Identifier: MIT
import {errnoOf, Interrupted, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {count, wrap} from '../lib/text.ts'
import {subjectOf} from '../model/change.ts'
import type {ApplyEvent} from '../plan/apply.ts'
import {type Plan, rebootPending} from '../plan/plan.ts'
import type {Undone} from '../plan/undo.ts'
import type {ApplyReport, UndoReport} from '../schema/machine.ts'
import {named} from './changes.ts'
import {page} from './colour.ts'

/** What a run did, from its events: `isolctl.apply/1`. Pure. */
export function applyReport(
  plan: Plan,
  events: readonly ApplyEvent[],
  confirmWithinMs?: number,
): ApplyReport {
  const {host, isolated, housekeeping, unknown} = plan
  const report: ApplyReport = {
    schema: 'isolctl.apply/1',
    host,
    isolated,
    housekeeping,
    outcome: 'unchanged',
    changes: [],
    unknown,
  }
  let step = ''
  for (const event of events) {
    if (event.type === 'step') step = event.step.id
    if (event.type === 'change') {
      const {change, result, reason} = event
      report.changes.push({...named(step, change), result, ...(reason === undefined ? {} : {reason})})
    }
    if (event.type === 'pending') {
      const late = report.changes.find(({subject}) => subject === subjectOf(event.change))
      if (late) late.pending = event.effective
    }
    if (event.type === 'failed') {
      const code = event.error instanceof UserError ? event.error.code : errnoOf(event.error)
      report.error = {message: event.error.message, step, ...(code === undefined ? {} : {code})}
    }
    if (event.type === 'undo') report.undone = [...(report.undone ?? []), undoneReport(event.undone)]
    if (event.type === 'end') Object.assign(report, {outcome: event.outcome.status, run: event.outcome.run})
  }
  if ((report.outcome === 'applied' || report.outcome === 'unchanged') && rebootPending(plan))
    report.rebootPending = true
  if (confirmWithinMs !== undefined && report.outcome === 'applied') report.confirmWithinMs = confirmWithinMs
  return report
}

export function undoneReport({delta, result, found, reason}: Undone): UndoReport['changes'][number] {
  return {
    ...named(delta.step, delta.back),
    result,
    ...(found === undefined ? {} : {found: found?.trim() ?? null}),
    ...(reason === undefined ? {} : {reason}),
  }
}

/** The exit code of apply for this report. Pure. */
export function applyExit({outcome, error, unknown, rebootPending}: ApplyReport): Exit {
  if (outcome === 'not-undone') return Exit.applyNotUndone
  if (outcome === 'undone') return error?.code === 'interrupted' ? Exit.interrupted : Exit.applyUndone
  if (unknown.length > 0) return Exit.unknown
  return rebootPending ? Exit.rebootPending : Exit.ok
}

/** The result as text. The error of a failed run is in applyFailure(). Pure. */
export function renderApply(report: ApplyReport, {width}: {readonly width: number}): string {
  const {outcome, changes, undone = [], unknown, run} = report
  const results = (wanted: string) => changes.filter(({result}) => result === wanted).length
  const lines: string[] = []
  if (outcome === 'unchanged')
    lines.push(`${report.host}: ${unknown.length > 0 ? 'nothing was changed' : 'nothing to do'}`)
  if (outcome === 'applied')
    lines.push(
      `${[
        `applied: ${count(results('done'), 'change')}`,
        ...(results('same') > 0 ? [`${results('same')} already in place`] : []),
        ...(results('refused') > 0
          ? [`${results('refused')} refused by the kernel and left as they were`]
          : []),
      ].join(', ')} (run ${run})`,
    )
  const pending = changes.filter((change) => change.pending !== undefined)
  if (outcome === 'applied' && pending.length > 0) {
    const names = pending.map(({subject, pending}) => `${subject} (still on ${pending})`).join(', ')
    lines.push(...wrap(`moves when it next fires: ${names}`.split(' '), {width}))
  }
  for (const {id, reason} of unknown)
    lines.push(...wrap(`${id} cannot be planned: ${reason}`.split(' '), {width}))
  if (undone.length > 0) {
    const back = undone.filter(({result}) => result !== 'conflict' && result !== 'failed').length
    lines.push(`undone: ${back} of ${count(undone.length, 'change')} made by this run`)
  }
  if (report.rebootPending) lines.push('a reboot is pending: the settings for boot take effect after it')
  if (report.confirmWithinMs !== undefined)
    lines.push(`Taken back in ${report.confirmWithinMs / 1000} s unless confirmed with: isolctl confirm`)
  else if (outcome === 'applied' && results('done') > 0) lines.push('Undo later with: isolctl undo')
  return page(lines)
}

const HELP: Readonly<Record<string, string>> = {
  ENOSPC: 'the housekeeping CPUs have no interrupt vector left: isolate fewer CPUs, or use fewer queues',
  EROFS: "is this a container? the kernel's files are read-only here",
  interrupted: 'start again with: isolctl apply',
}

/** The error of a run, or undefined if it did not fail. Pure. */
export function applyFailure(report: ApplyReport): UserError | undefined {
  const {error, outcome} = report
  if (error === undefined) return undefined
  const state =
    outcome === 'undone'
      ? 'the machine is as it was'
      : 'not everything could be undone: see above, then isolctl undo'
  const exit = applyExit(report)
  const code = error.code ?? 'apply-failed'
  const help = HELP[code] ?? 'isolctl plan shows the changes that are left'
  if (exit === Exit.interrupted) return new Interrupted(`${error.message}; ${state}`, help)
  return new UserError(`apply stopped at ${error.step}: ${error.message}; ${state}`, {exit, code, help})
}
