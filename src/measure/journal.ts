// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {parseJson} from '../lib/files.ts'
import {jsonText} from '../lib/visible.ts'
import {CpuRecordSchema, type MeasureHead, MeasureHeadSchema, SeriesSchema} from '../schema/measure.ts'
import {emptyRun, type Interval, type Run, withInterval} from './run.ts'

/**
 * The journal of a run, one line of JSON each: first what is known at the start and all that was
 * seen so far, then one interval after the other. After a crash it holds every interval but the one
 * that was not written to the end.
 */
const FirstSchema = z.strictObject({
  schema: z.literal('isolctl.measure-journal/1'),
  head: MeasureHeadSchema,
  startMs: z.number(),
  cpus: z.array(CpuRecordSchema),
  series: SeriesSchema,
})
const IntervalSchema = z.strictObject({atMs: z.number(), cpus: z.array(CpuRecordSchema)})

/** The line that begins a journal, and stands for every interval before it. Pure. */
export const firstLine = (head: MeasureHead, run: Run): string =>
  line({schema: 'isolctl.measure-journal/1', head, ...run, cpus: [...run.cpus.values()]})

export const intervalLine = (interval: Interval): string => line(interval)

const line = (value: unknown): string => `${jsonText(value)}\n`

/**
 * What a journal holds. `lost` is the number of lines at its end that are damaged. A last line that
 * has no end is not one of them: that is the second in which the machine went down.
 */
export interface Recovered {
  readonly head: MeasureHead
  readonly run: Run
  readonly lost: number
}

/**
 * Read a journal. A damaged line ends it: what follows could be of another time, and is counted as
 * lost. Throws UserError (69) if the first line is damaged. Pure.
 */
export function readJournal(text: string, path: string): Recovered {
  const [first = '', ...lines] = text.split('\n')
  const begun = FirstSchema.safeParse(parseJson(first))
  if (!begun.success)
    throw new UserError(`${path}: not the journal of a measurement, or damaged at its start`, {
      exit: Exit.unsuitable,
      code: 'not-a-journal',
      help: 'name the file that ends in .journal, beside the file of -o',
    })
  const {head, startMs, cpus, series} = begun.data
  let run: Run = {...emptyRun(startMs), cpus: new Map(cpus.map((record) => [record.cpu, record])), series}
  const last = lines.at(-1) === '' ? lines.slice(0, -1) : lines
  for (const [index, text] of last.entries()) {
    const complete = index < lines.length - 1 // a newline follows it
    if (!complete) break
    const interval = IntervalSchema.safeParse(parseJson(text))
    if (!interval.success) return {head, run, lost: last.length - index}
    run = withInterval(run, interval.data)
  }
  return {head, run, lost: 0}
}
