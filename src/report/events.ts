// SPDX-License-Identifier: MIT
import {wrap} from '../lib/text.ts'
import {type Change, subjectOf} from '../model/change.ts'
import type {ApplyEvent} from '../plan/apply.ts'
import type {UndoEvent, Undone} from '../plan/undo.ts'
import {valuesOf as values} from './changes.ts'
import {colour} from './colour.ts'

export interface EventLayout {
  readonly width: number
  readonly quiet: boolean
  readonly verbose: boolean
}

/** An event as lines of text; empty for an event that is not shown. Pure. */
export function renderEvent(event: ApplyEvent | UndoEvent, layout: EventLayout): readonly string[] {
  const {quiet, verbose} = layout
  switch (event.type) {
    case 'step':
      return quiet ? [] : [`${colour.bold(event.step.id)}   ${event.step.title}`]
    case 'change':
      if (event.result === 'gone')
        return verbose && !quiet ? line('–', event.change, 'it has ended', layout) : []
      if (event.result === 'same')
        return verbose && !quiet ? line('=', event.change, 'already in place', layout) : []
      if (event.result === 'refused') return quiet ? [] : line('–', event.change, event.reason, layout)
      return quiet || hidden(event.change)
        ? []
        : line(colour.green('✔'), event.change, valuesOf(event.change), layout)
    case 'pending':
      return quiet
        ? []
        : line('!', event.change, `still on ${event.effective}, moves when it next fires`, layout)
    case 'failed':
      return [...wrap(event.error.message.split(' '), {width: layout.width, indent: 4})].map((text, index) =>
        index === 0 ? text.replace(/^ {4}/, `  ${colour.red('✖')} `) : text,
      )
    case 'undo':
      return renderUndone(event.undone, layout)
    case 'end':
      return []
  }
}

function renderUndone({delta, result, found, reason}: Undone, layout: EventLayout): readonly string[] {
  const {back} = delta
  switch (result) {
    case 'undone':
      return layout.quiet || hidden(back) ? [] : line(colour.green('✔'), back, valuesOf(back), layout)
    case 'same':
      return layout.quiet ? [] : line('=', back, 'already restored', layout)
    case 'gone':
      return layout.quiet ? [] : line('–', back, 'the path no longer exists', layout)
    case 'conflict':
      return line(
        colour.yellow('!'),
        back,
        reason ?? `somebody else wrote "${found?.trim() ?? 'no file'}" since: left alone`,
        layout,
      )
    case 'failed':
      return line(colour.red('✖'), back, reason ?? 'failed', layout)
  }
}

function line(mark: string, change: Change, text = '', {width}: EventLayout): readonly string[] {
  const whole = `${subjectOf(change)}   ${text}`.trimEnd()
  if (whole.length + 4 <= width) return [`  ${mark} ${whole}`]
  return [`  ${mark} ${subjectOf(change)}`, ...wrap(text.split(' '), {width, indent: 6})]
}

function valuesOf(change: Change): string {
  if (change.kind !== 'set' && change.kind !== 'affinity')
    return change.kind !== 'run' && change.to === null ? 'removed' : ''
  const {from, to} = values(change)
  return `${from} -> ${to}`
}

/** A command that runs in the other direction only. */
const hidden = (change: Change): boolean => change.kind === 'run' && change.argv === null
