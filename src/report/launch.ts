// SPDX-License-Identifier: MIT
import {count, table} from '../lib/text.ts'
import type {LaunchReport} from '../schema/launch.ts'
import {page} from './colour.ts'

const seconds = (ms: number) => `${(ms / 1000).toFixed(3)} s`

/** A launched program while it runs: its workers with their breaks, and what the others wait for. Pure. */
export function renderLaunch(report: LaunchReport): string {
  const {program, pid, cpus, durationMs, threads, breaks, waiting = [], workers, graceS = 0} = report
  const isolated = threads.filter(({state}) => state === 'isolated').length
  const rows = table(
    threads.map((thread) => [
      `  CPU ${thread.cpu}`,
      `${thread.name}[${thread.tid}]`,
      thread.ended ? 'ended' : thread.state,
      seconds(thread.isolatedMs),
      count(thread.starts, 'start'),
      count(thread.breaks, 'break'),
      `${thread.refusals} refused${thread.refusals === 0 ? '' : ` (last: ${thread.lastRefusal})`}`,
      `deferred: ${thread.deferred?.text ?? 0} text, ${thread.deferred?.tlb ?? 0} mappings`,
    ]),
  )
  return page([
    `${program} (pid ${pid}) on CPU ${cpus}, ${seconds(durationMs)} after the start`,
    `${isolated} of ${count(workers ?? isolated, 'worker')} isolated${graceS > 0 ? `, ${graceS} s to end` : ''}`,
    ...threads.flatMap(({tid}, index) => [
      rows[index] ?? '',
      ...breaks
        .filter((each) => each.tid === tid)
        .flatMap(({count: times, message, help, lastMs, sinceStartMs}) => [
          `    ${times} × ${message}, last ${seconds(lastMs ?? sinceStartMs)} after the start`,
          `    help: ${help}`,
        ]),
    ]),
    ...waiting.map(({tid, name, why}) => `  not isolated: ${name}[${tid}] ${why}`),
  ])
}
