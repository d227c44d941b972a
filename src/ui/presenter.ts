// SPDX-License-Identifier: MIT
import type {Check} from '../checks/check.ts'
import type {Result} from '../checks/run.ts'
import {localHost} from '../host/local.ts'
import {writeOutput} from '../lib/files.ts'
import {busy, WARM_UP_MS, watched} from '../measure/watch.ts'
import {page, paintWith} from '../report/colour.ts'
import type {ReportContext} from '../report/json.ts'
import {nagiosLine} from '../report/nagios.ts'
import {completedGroup, heading, renderGroup, renderSummary, squeezed} from '../report/preflight.ts'
import {type Format, renderReport} from '../report/render.ts'
import {plain} from '../report/text.ts'
import type {Report} from '../schema/preflight.ts'

export interface PresenterOptions {
  /** The checks that run, in their order. */
  readonly checks: readonly Check[]
  readonly format: 'text' | Format
  /** A file instead of standard output. */
  readonly output?: string | undefined
  readonly quiet?: boolean
  readonly verbose?: boolean
  /** Show only the count of the checks that passed or were skipped. */
  readonly fold: boolean
  /** Warnings count as failures. */
  readonly strict: boolean
  /** Print the line for a monitor first, because a monitor reads only the first line. */
  readonly answerFirst: boolean
  /** Print nothing: oclif prints the report (--json). */
  readonly silent: boolean
}

export interface Presenter {
  readonly starting: (check: Check) => void
  result(result: Result): void
  end(results: readonly Result[], report: Report): Promise<void>
}

/**
 * Shows the results of a run. On a terminal, a group of checks is printed as soon as its last check
 * is known. A file is written once, at the end.
 */
export function presenter(context: ReportContext, options: PresenterOptions): Presenter {
  const {checks, format, output, silent, strict, answerFirst} = options
  const {settings} = context
  const toFile = output !== undefined
  const atEnd = toFile || answerFirst
  const text = {
    ...options,
    paint: toFile ? plain : paintWith,
    width: toFile ? 80 : Math.max(60, Math.min(process.stdout.columns ?? 80, 120)),
  }
  const lines: string[] = []
  const printLine = squeezed((line) => {
    if (atEnd) lines.push(line)
    else process.stdout.write(page([line]))
  })
  const streams = format === 'text' && !silent
  const print = (block: readonly string[]) => {
    if (streams) for (const line of block) printLine(line)
  }
  if (!options.quiet) print(heading({...context, ...settings}, text))
  const known: Result[] = []
  let waiting = false
  const note = (message: string) => {
    // Only on a terminal, where the next note or result replaces it.
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${message}`)
  }
  return {
    starting: ({facts}) => {
      const measures = Object.values(facts).some((fact) => fact === busy || fact === watched)
      if (waiting || !measures || !context.live) return
      waiting = true
      note(
        `  watching CPU ${settings.isolated} for ${settings.windowMs / 1000} s, after a warm-up of ${WARM_UP_MS / 1000} s`,
      )
    },
    result(result) {
      if (waiting) note('')
      known.push(result)
      const group = completedGroup(known, checks)
      if (group) print(renderGroup(group, text))
    },
    async end(results, report) {
      print(renderSummary(results, settings.isolated, text))
      const answer = streams && answerFirst ? page([nagiosLine(report, {strict})]) : ''
      const kind = format === 'text' && silent ? 'json' : format
      const whole =
        kind === 'text' ? page(lines) : renderReport(report, kind, {at: localHost().live.now(), strict})
      if (toFile) await writeOutput(output, answer + whole)
      else if (!silent) process.stdout.write(answer + whole)
    },
  }
}
