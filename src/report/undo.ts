// SPDX-License-Identifier: MIT
import {Exit} from '../lib/exit.ts'
import {count} from '../lib/text.ts'
import type {Undone} from '../plan/undo.ts'
import type {UndoReport} from '../schema/machine.ts'
import {undoneReport} from './apply.ts'
import {renderChanges} from './changes.ts'
import {page} from './colour.ts'
import {renderEvent} from './events.ts'

/** What undo did, or would do: `isolctl.undo/1`. Pure. */
export function undoReport(
  undone: readonly Undone[],
  {host, dryRun, interrupted = false}: {host: string; dryRun: boolean; interrupted?: boolean},
): UndoReport {
  const left = undone.some(({result}) => result === 'conflict' || result === 'failed')
  return {
    schema: 'isolctl.undo/1',
    host,
    dryRun,
    ok: !left && !interrupted,
    ...(interrupted ? {interrupted} : {}),
    changes: undone.map(undoneReport),
  }
}

/**
 * The exit code of undo: 1 if conflicts were left alone, 5 if the machine refused to restore a
 * value. Pure.
 */
export function undoExit({changes, interrupted}: UndoReport): Exit {
  if (changes.some(({result}) => result === 'failed')) return Exit.applyNotUndone
  if (interrupted) return Exit.interrupted
  return changes.some(({result}) => result === 'conflict') ? Exit.failures : Exit.ok
}

/** What undo would do, as a diff, and what it would leave alone. */
export function renderRehearsal(undone: readonly Undone[], {width}: {readonly width: number}): string {
  const todo = undone.filter(({result}) => result === 'undone').map(({delta}) => delta.back)
  const layout = {width, quiet: false, verbose: true}
  const rest = undone.filter(({result}) => result !== 'undone')
  const lines = [
    ...renderChanges(todo, {width}),
    ...rest.flatMap((each) => renderEvent({type: 'undo', undone: each}, layout)),
  ]
  return page(lines)
}

export function renderUndo(report: UndoReport): string {
  const {changes, dryRun, host, interrupted} = report
  if (changes.length === 0) return page([`${host}: nothing to undo`])
  const results = (...wanted: string[]) => changes.filter(({result}) => wanted.includes(result)).length
  const parts = [
    `${dryRun ? 'would undo' : 'undone'}: ${count(results('undone'), 'change')}`,
    ...(results('same', 'gone') > 0 ? [`${results('same', 'gone')} already restored or gone`] : []),
    ...(results('conflict') > 0 ? [`${results('conflict')} changed by somebody else and left alone`] : []),
    ...(results('failed') > 0 ? [`${results('failed')} failed`] : []),
  ]
  const next = [
    ...(interrupted ? ['Stopped on request; the rest is still applied. Continue with: isolctl undo'] : []),
    ...(results('conflict') > 0 ? ['To overwrite these values: isolctl undo --force'] : []),
    ...(results('failed') > 0 ? ['Try the rest again with: isolctl undo'] : []),
  ]
  return page([parts.join(', '), ...next])
}
