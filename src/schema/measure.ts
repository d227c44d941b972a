// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {cpulist} from './cpulist.ts'

const time = z.string().describe('ISO 8601, UTC')
const count = z.number().nonnegative()
const ns = z.number().nonnegative().describe('nanoseconds')

const Explanation = {
  id: z
    .string()
    .describe(
      'the id of the cause; "one-of" if several things moved in the same interval, "unexplained" if none did, or less often than there were gaps',
    ),
  label: z.string().describe('what did it, or what may have done it: "irq 24 (nvme0q1) or tick"'),
  sentence: z.string(),
  help: z.string().optional(),
}

const Gap = z.strictObject({
  ns,
  at: time.describe('when it ended: ISO 8601, UTC'),
  ...Explanation,
})

const Tally = z.strictObject({
  ...Explanation,
  gaps: count.describe('gaps of at least the threshold'),
  ns: count.describe('their sum, in nanoseconds'),
  maxNs: ns,
})

const Rows = z.record(z.string(), count)

/**
 * What was seen on one CPU, in an interval or in the whole run: both have this form, and records are
 * merged (src/measure/run.ts). A counter that could not be read in all of the time is absent.
 */
export const CpuRecordSchema = z.strictObject({
  cpu: z.number(),
  ns: ns.describe('for how long the CPU was watched, in nanoseconds'),
  turnNs: ns.describe(
    'in which the spinner prepared intervals: each is also a gap, without a cause if it is short',
  ),
  samples: count.describe("passes of the spinner's loop"),
  over: count.describe('gaps of at least the threshold'),
  overNs: ns.describe('their sum, in nanoseconds'),
  maxNs: ns,
  maxAt: time.optional(),
  backwards: count.describe('how often the time stamp counter went back'),
  worst: z.array(Gap).describe('the longest gaps of at least the threshold, longest first'),
  causes: z.array(Tally).describe('the gaps of at least the threshold by cause, most time first'),
  histogram: z
    .array(z.tuple([z.number(), count]))
    .describe(
      '[bucket, samples] in ticks of tickHz, without empty buckets. Bucket b below 16 holds the value b; another one starts at (16 + b mod 16) * 2^(floor(b / 16) - 1)',
    ),
  interrupts: Rows.describe('row of /proc/interrupts to its count; rows without a change are absent'),
  softirqs: Rows.optional().describe('row of /proc/softirqs to its count'),
  switches: count.optional().describe('how often the spinner was switched out'),
  waitedNs: count.optional().describe('for how long the spinner waited while another task ran'),
  stealMs: count.describe('time that the hypervisor took, in steps of 10 ms'),
  throttled: count.optional().describe('thermal throttling events of the core'),
  movedTo: z.number().optional().describe('the spinner was found on this CPU: its own was taken away'),
})
export type CpuRecord = z.output<typeof CpuRecordSchema>

export const SeriesSchema = z.strictObject({
  cellMs: z
    .number()
    .positive()
    .describe('the length of a cell in milliseconds; it doubles when they are full'),
  cpus: z.array(
    z.strictObject({
      cpu: z.number(),
      maxNs: z
        .array(z.number().nullable())
        .describe('the longest gap of each cell since the start; null if nothing was watched'),
      over: z.array(z.number().nullable()).describe('gaps of at least the threshold'),
    }),
  ),
})
export type Series = z.output<typeof SeriesSchema>

/** What is known when a run begins. */
const head = {
  isolctl: z.string(),
  host: z.strictObject({
    name: z.string(),
    kernel: z.string().optional(),
    guest: z.string().optional().describe('a sign that this is a virtual machine'),
    clocksource: z.string().optional(),
  }),
  start: time,
  policy: z.string().describe('the scheduling policy of the spinners: "other" or "fifo:PRIO"'),
  isolate: z
    .boolean()
    .describe('the spinners were asked to enter task isolation; "unknown" tells where it ended'),
  asked: z.strictObject({
    cpus: cpulist,
    ms: z.number().describe('for how long to measure, in milliseconds'),
    thresholdNs: ns,
    failOverNs: ns.optional(),
  }),
  spinners: z.array(
    z.strictObject({
      cpu: z.number(),
      tickHz: z.number().positive().describe('ticks of the time stamp counter per second'),
      loopNs: ns.describe('the cost of one undisturbed pass, which is subtracted from every gap'),
    }),
  ),
}
export const MeasureHeadSchema = z.strictObject(head)
export type MeasureHead = z.output<typeof MeasureHeadSchema>

/** What the spinners print when they end. A register that could not be read has its errno instead. */
export const WholeSchema = z.object({
  cpu: z.number(),
  tickHz: z.number(),
  wholeTickHz: z.number(),
  smi: z.union([z.number(), z.string()]),
  mperf: z.union([z.number(), z.string()]),
  aperf: z.union([z.number(), z.string()]),
})
export type Whole = z.output<typeof WholeSchema>

const Percentile = z.strictObject({
  share: z.number().describe('0.999 is the 99.9th percentile'),
  ns: ns.optional().describe('absent if the samples are too few'),
  needs: z.number().optional().describe('how many samples it needs, where they are too few'),
})

/** What `isolctl measure --json` prints. A key is absent if there is no value. */
export const MeasureSchema = z.strictObject({
  schema: z.literal('isolctl.measure/1'),
  ...head,
  measuredMs: z.number().describe('the shortest time for which a CPU was watched, in milliseconds'),
  cut: z
    .enum(['interrupted', 'recovered'])
    .optional()
    .describe(
      'why the run is shorter than asked for: Ctrl-C, or it was read from the journal of a crashed run',
    ),
  verdict: z.enum(['ok', 'over', 'unknown']).describe('"over": a gap was longer than failOverNs'),
  unknown: z.array(z.string()).describe('what could not be seen and should have been'),
  notSeen: z
    .array(z.strictObject({what: z.string(), why: z.string()}))
    .describe('counters that this machine does not give, and that are therefore missing, not zero'),
  cpus: z.array(
    z.strictObject({
      ...CpuRecordSchema.shape,
      percentiles: z.array(Percentile).describe('of the passes of the loop'),
      smi: z.number().optional().describe('system management interrupts (MSR 0x34)'),
      ghz: z.number().optional().describe('the average frequency, from APERF and MPERF'),
    }),
  ),
  series: SeriesSchema,
})
export type MeasureReport = z.output<typeof MeasureSchema>
