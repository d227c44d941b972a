// SPDX-License-Identifier: MIT

import {count, table} from '../lib/text.ts'
import type {IsolatedThread} from '../model/isolation-record.ts'

/** The isolated threads of the machine, one line each; what was said before of a machine without them stays as it is. */
export function renderIsolation(threads: readonly IsolatedThread[]): string {
  if (threads.length === 0) return '\nno thread is isolated\n'
  const rows = threads.map((thread) => [
    `  CPU ${thread.cpu}`,
    `${thread.name}[${thread.tid}]`,
    thread.state,
    count(thread.starts, 'start'),
    count(thread.breaks, 'break'),
    count(thread.refusals, 'refusal'),
    thread.breaks > 0 ? `last ${thread.lastCause}, after ${(thread.lastDurationNs / 1e9).toFixed(3)} s` : '',
  ])
  return `\n${table(rows).join('\n')}\n`
}
