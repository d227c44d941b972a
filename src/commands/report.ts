// SPDX-License-Identifier: MIT
import {basename} from 'node:path'
import {Args, Flags} from '@oclif/core'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {parseJson, readRegular, writeOutput} from '../lib/files.ts'
import {compareRuns} from '../measure/compare.ts'
import {BUCKETS} from '../measure/histogram.ts'
import {page} from '../report/colour.ts'
import {verdictLine} from '../report/measure.ts'
import {changeSentence, pageSentence, type RecordedRun, runsPage, type ShownRun} from '../report/page/runs.ts'
import {MeasureSchema} from '../schema/measure.ts'
import type {RunsReport} from '../schema/runs.ts'
import {IsolCommand} from './base.ts'

/** A run of 512 CPUs over a year is below 64 MiB: its size does not depend on its length. */
const RUN_LIMIT = 64 * 1024 * 1024

export default class Report extends IsolCommand {
  static override summary = 'Show recorded measurements as a page, and compare them.'
  static override description = `Reads files that isolctl measure -o wrote, of one host or of many.
The page stands alone: it needs no network and runs no script. The file name tells its form: .html, .md or .svg.
With --against the exit status is 0, 1 if a run is worse than the base, and 3 if they cannot be compared.`
  static override examples = [
    '<%= config.bin %> report run.json -o page.html',
    '<%= config.bin %> report new-kernel.json --against old-kernel.json',
    '<%= config.bin %> report host-*.json --against golden.json -o fleet.md',
  ]
  static override strict = false
  static override args = {
    file: Args.string({description: 'files that isolctl measure -o wrote', required: true}),
  }
  static override flags = {
    against: Flags.string({description: 'compare with this run', helpValue: '<file>'}),
    output: Flags.string({
      char: 'o',
      description: 'write a page to this file: .html, .md, or .svg for the pictures only',
      helpValue: '<file>',
    }),
  }

  async run(): Promise<RunsReport> {
    const {flags, argv} = await this.parse(Report)
    if (flags.root !== undefined)
      throw new UserError('report reads files of isolctl measure, and no machine', {help: 'leave out --root'})
    const write = flags.output === undefined ? undefined : await writerFor(flags.output)
    const base = flags.against === undefined ? undefined : await recordedRun(flags.against)
    const runs: ShownRun[] = []
    for (const file of argv as string[]) {
      const run = await recordedRun(file)
      runs.push({...run, compared: base && compareRuns(base.report, run.report)})
    }
    if (flags.output !== undefined && write) await writeOutput(flags.output, write(runs, base))
    const report = runsReport(runs, base)
    this.show(page(summary(report)), flags)
    const changes = runs.map(({compared}) => compared?.change)
    process.exitCode = changes.includes('worse')
      ? Exit.failures
      : changes.includes('unknown')
        ? Exit.unknown
        : Exit.ok
    return report
  }
}

type Writer = (runs: readonly ShownRun[], base: RecordedRun | undefined) => string

/** What writes a page of this form. The library that draws is loaded where it is needed only. */
async function writerFor(path: string): Promise<Writer> {
  const form = /\.(html|md|svg)$/.exec(path)?.[1]
  if (form === 'md') {
    const {markdownPage} = await import('../report/page/markdown.ts')
    return (...of) => markdownPage(runsPage(...of))
  }
  if (form === undefined)
    throw new UserError(`the name of the page tells no form: ${path}`, {
      help: 'name it page.html, page.md or page.svg',
    })
  const {htmlPage, svgPicture} = await import('../report/page/html.ts')
  const write = form === 'html' ? htmlPage : svgPicture
  return (...of) => write(runsPage(...of))
}

/** What a page needs beyond the form: times that are times, and buckets that exist. */
const RecordedSchema = MeasureSchema.refine(
  ({start, cpus, series}) =>
    Number.isFinite(Date.parse(start)) &&
    series.cellMs <= LONGEST_CELL_MS &&
    cpus.every(({histogram}) =>
      histogram.every(([bucket]) => Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKETS),
    ),
)
/** 512 cells of it are more than a century. */
const LONGEST_CELL_MS = 1e10

async function recordedRun(path: string): Promise<RecordedRun> {
  const text = await readRegular(path, {limit: RUN_LIMIT}).catch((cause: unknown) => {
    throw new UserError(`cannot read ${path}: ${errnoOf(cause) ?? 'EIO'}`, {exit: Exit.unsuitable, cause})
  })
  const value = parseJson(text)
  const parsed = RecordedSchema.safeParse(value)
  if (parsed.success) return {file: basename(path), report: parsed.data}
  const journal = text.startsWith('{"schema":"isolctl.measure-journal/')
  throw new UserError(
    journal ? `${path} is the journal of a run that did not end` : `${path} is no result of isolctl measure`,
    {
      exit: Exit.unsuitable,
      help: journal
        ? `read what it holds: isolctl measure --recover ${path} -o FILE`
        : 'give files that were written by: isolctl measure -o FILE',
      cause: parsed.error,
    },
  )
}

function runsReport(runs: readonly ShownRun[], base: RecordedRun | undefined): RunsReport {
  const named = ({file, report: {host}}: RecordedRun) => ({
    file,
    host: host.name,
    ...(host.kernel === undefined ? {} : {kernel: host.kernel}),
  })
  return {
    schema: 'isolctl.runs/1',
    sentence: pageSentence(runs, base),
    ...(base === undefined ? {} : {against: named(base)}),
    runs: runs.map((run) => ({
      ...named(run),
      start: run.report.start,
      measuredMs: run.report.measuredMs,
      verdict: run.report.verdict,
      sentence: verdictLine(run.report),
      ...(run.compared === undefined
        ? {}
        : {compared: {...run.compared, quantities: [...run.compared.quantities]}}),
    })),
  }
}

const summary = ({sentence, runs, against}: RunsReport): readonly string[] => [
  sentence,
  ...(runs.length === 1
    ? []
    : runs.map(
        ({file, host, sentence, compared}) =>
          `${file} (${host}): ${sentence}${compared && against ? ` ${changeSentence(compared, against.file)}` : ''}`,
      )),
]
