// SPDX-License-Identifier: MIT
import {Exit} from '../lib/exit.ts'
import {table} from '../lib/text.ts'
import type {StopReport} from '../schema/stop.ts'
import {page} from './colour.ts'

/** How the program ended, and one line for each of its isolated threads. Pure. */
export function renderStop({pid, name, unit, signal, ended, waitedMs, workers, notes}: StopReport): string {
  if (pid === 0) return page([`${unit ?? 'the program'} is not running`])
  const seconds = `${(waitedMs / 1000).toFixed(3)} s`
  const rows = table(
    workers.map((worker) => [`  CPU ${worker.cpu}`, `${worker.name}[${worker.tid}]`, worker.state]),
  )
  return page([
    ended
      ? `${name}[${pid}] ended ${seconds} after ${signal}`
      : `${name}[${pid}] runs ${seconds} after ${signal}`,
    ...workers.flatMap(({lost}, index) => [
      rows[index] ?? '',
      ...(lost === undefined ? [] : [`    ${lost.message}`, `    help: ${lost.help}`]),
    ]),
    ...notes.map((note) => `note: ${note}`),
  ])
}

/** The exit code: 1 if the program still runs, or lost isolation instead of ending. Pure. */
export const stopExit = ({ended, workers}: StopReport): number =>
  ended && workers.every(({lost}) => lost === undefined) ? Exit.ok : Exit.failures
