// SPDX-License-Identifier: MIT

import type {IsolatedThread} from '../facts/isolation.ts'
import {count, table} from '../lib/text.ts'
import {breakHelp, breakSentence} from '../model/break-words.ts'
import type {StatusReport} from '../schema/machine.ts'
import {page} from './colour.ts'

/** The isolated threads of the machine, one line each, and below it what broke the isolation last, with its help. Pure. */
export function renderIsolation(threads: readonly IsolatedThread[]): string {
  if (threads.length === 0) return '\nno thread is isolated\n'
  const rows = table(
    threads.map(({tid, name, record}) => [
      `  CPU ${record.cpu}`,
      `${name}[${tid}]`,
      record.state,
      count(record.starts, 'start'),
      count(record.breaks, 'break'),
      count(record.refusals, 'refusal'),
    ]),
  )
  const lines = threads.flatMap(({record}, index) => {
    const row = rows[index] ?? ''
    if (record.breaks === 0) return [row]
    const after = `${(record.durationNs / 1e9).toFixed(3)} s`
    return [row, `    last, after ${after}: ${breakSentence(record)}`, `    help: ${breakHelp(record)}`]
  })
  return page(['', ...lines])
}

/** The same for machines. Pure. */
export function isolationReport(threads: readonly IsolatedThread[]): NonNullable<StatusReport['threads']> {
  return threads.map(({pid, tid, name, record}) => ({
    pid,
    tid,
    name,
    cpu: record.cpu,
    state: record.state,
    starts: record.starts,
    refusals: record.refusals,
    breaks: record.breaks,
    lastCause: record.cause,
    lastDurationNs: record.durationNs,
  }))
}
