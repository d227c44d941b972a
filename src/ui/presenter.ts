// SPDX-License-Identifier: MIT
import type {Check} from '../checks/check.ts'
import type {Result} from '../checks/run.ts'
import {localHost} from '../host/local.ts'
import {writeOutput} from '../lib/files.ts'
import {busy, SETTLE_MS, watched} from '../measure/watch.ts'
import {colour} from '../report/colour.ts'
import type {ReportContext} from '../report/json.ts'
import {nagiosLine} from '../report/nagios.ts'
import {type Format, renderReport} from '../report/render.ts'
import {heading, type Paint, plain, renderResult, renderSummary} from '../report/text.ts'
import type {Report} from '../schema/preflight.ts'

export interface PresenterOptions {
  readonly format: 'text' | Format
  /** A file instead of standard output. */
  readonly output?: string | undefined
  readonly quiet?: boolean
  readonly verbose?: boolean
  /** Warnings count as failures. */
  readonly strict: boolean
  /** A monitor reads the first line: it has to be the answer. */
  readonly answerFirst: boolean
  /** Somebody else prints the report (--json). */
  readonly silent: boolean
}

export interface Presenter {
  readonly starting: (check: Check) => void
  result(result: Result): void
  end(results: readonly Result[], report: Report): Promise<void>
}

const paintWith: Paint = (style, text) => colour[style](text)

/** Show results as they come: on the terminal at once, into a file at the end and in one piece. */
export function presenter(context: ReportContext, options: PresenterOptions): Presenter {
  const {format, output, silent, strict, answerFirst} = options
  const {settings} = context
  const toFile = output !== undefined
  const atEnd = toFile || answerFirst
  const text = {
    ...options,
    paint: toFile ? plain : paintWith,
    width: toFile ? 80 : Math.max(60, Math.min(process.stdout.columns ?? 80, 120)),
  }
  const lines: string[] = []
  const print = (line: string) => {
    if (atEnd) lines.push(line)
    else process.stdout.write(`${line}\n`)
  }
  const streams = format === 'text' && !silent
  if (streams && !options.quiet) print(heading({...context, ...settings}, text))
  let waiting = false
  const note = (message: string) => {
    // Only for a person who waits: nothing is left of it once the answer is there.
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${message}`)
  }
  return {
    starting: ({facts}) => {
      const measures = Object.values(facts).some((fact) => fact === busy || fact === watched)
      if (waiting || !measures || !context.live) return
      waiting = true
      note(
        `  watching CPU ${settings.isolated} for ${settings.windowMs / 1000} s, after ${SETTLE_MS / 1000} s to settle`,
      )
    },
    result(result) {
      if (waiting) note('')
      if (streams) for (const line of renderResult(result, text)) print(line)
    },
    async end(results, report) {
      if (streams) for (const line of renderSummary(results, settings.isolated, text)) print(line)
      const answer = streams && answerFirst ? `${nagiosLine(report, {strict})}\n` : ''
      const kind = format === 'text' && silent ? 'json' : format
      const whole =
        kind === 'text'
          ? lines.map((line) => `${line}\n`).join('')
          : renderReport(report, kind, {at: localHost().live.now(), strict})
      if (toFile) await writeOutput(output, answer + whole)
      else if (!silent) process.stdout.write(answer + whole)
    },
  }
}
