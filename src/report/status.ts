// SPDX-License-Identifier: MIT
import {Exit} from '../lib/exit.ts'
import {count, wrap} from '../lib/text.ts'
import {invert} from '../model/change.ts'
import type {Status} from '../plan/status.ts'
import type {StatusReport} from '../schema/machine.ts'
import {named} from './changes.ts'
import {colour, page} from './colour.ts'

export function statusReport(
  {deltas, unfinished, refused, goneAtReboot, awaiting}: Status,
  {host, bootId}: {host: string; bootId: string},
): StatusReport {
  const ok = unfinished.length === 0 && deltas.every(({state}) => state === 'in-force')
  return {
    schema: 'isolctl.status/1',
    host,
    bootId,
    ok,
    changes: deltas.map(({delta, state, found, suspect}) => ({
      ...named(delta.step, invert(delta.back)),
      run: delta.run,
      at: delta.at,
      state,
      ...(found === undefined ? {} : {found}),
      ...(suspect === undefined ? {} : {suspect}),
    })),
    ...(awaiting === undefined ? {} : {awaiting}),
    unfinished: [...unfinished],
    refused: [...refused].map(([path, reason]) => ({path, reason})),
    goneAtReboot,
  }
}

const MARK = {'in-force': '✔', drifted: '✖', reverted: '!', gone: '–', unknown: '?'} as const

const SAYS = {
  drifted: (found: string, suspect?: string) =>
    `somebody else wrote "${found}" since${suspect === undefined ? '' : `; ${suspect} is running, and writes such files`}`,
  reverted: (_found: string, suspect?: string) =>
    `it has its previous value again${suspect === undefined ? '' : `; ${suspect} is running, and writes such files`}`,
  gone: () => 'the path no longer exists',
  unknown: (found: string) => `cannot be read: ${found}`,
} as const

/** What is applied and by which run, what drifted since, and the next command. Pure. */
export function renderStatus(report: StatusReport, {width}: {readonly width: number}): string {
  const {changes, unfinished, refused, goneAtReboot, awaiting} = report
  const drifted = changes.filter(({state}) => state === 'drifted' || state === 'reverted').length
  const headline = [
    changes.length === 0 ? 'nothing is applied' : `${count(changes.length, 'change')} applied`,
    ...(drifted > 0 ? [`${drifted} drifted`] : []),
    ...(refused.length > 0 ? [`${refused.length} refused by the kernel`] : []),
    ...(goneAtReboot > 0 ? [`${goneAtReboot} of earlier boots no longer in force`] : []),
  ]
  const lines = wrap([`${report.host}:`, ...headline.join(', ').split(' ')], {width}).slice()
  for (const group of Map.groupBy(changes, ({run, step}) => `${run} ${step}`).values()) {
    const [first] = group
    if (first) lines.push('', `${first.step} · run ${first.run} · ${first.at.replace(/\.\d+Z$/, 'Z')}`)
    for (const change of group) lines.push(...renderChange(change, width))
  }
  if (awaiting !== undefined)
    lines.push(
      '',
      `run ${awaiting.run} is taken back at ${awaiting.by} unless confirmed with: isolctl confirm`,
    )
  if (unfinished.length > 0)
    lines.push('', `run ${unfinished.join(', ')} was killed before it finished; undo it with: isolctl undo`)
  else if (changes.length > 0) lines.push('', 'Undo with: isolctl undo')
  return page(lines)
}

function renderChange(
  {subject, from, to, state, found, suspect}: StatusReport['changes'][number],
  width: number,
): readonly string[] {
  const mark = {
    'in-force': colour.green,
    drifted: colour.red,
    reverted: colour.yellow,
    gone: colour.dim,
    unknown: colour.yellow,
  }[state]
  const line = `  ${mark(MARK[state])} ${subject}${from === undefined ? '' : `   ${from} -> ${to}`}`
  return state === 'in-force'
    ? [line]
    : [line, ...wrap(SAYS[state](found ?? '', suspect).split(' '), {width, indent: 6})]
}

/** The exit code: 1 if something is not as isolctl left it, 3 if something cannot be read. Pure. */
export function statusExit({changes, unfinished, ok}: StatusReport): Exit {
  if (ok) return Exit.ok
  const known = changes.some(({state}) => state !== 'in-force' && state !== 'unknown')
  return known || unfinished.length > 0 ? Exit.failures : Exit.unknown
}
