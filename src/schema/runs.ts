// SPDX-License-Identifier: MIT
import * as z from 'zod'

const change = z
  .enum(['better', 'worse', 'same', 'unknown'])
  .describe('against the base, beyond what chance explains')

const Quantity = z.strictObject({
  quantity: z.string().describe('"gaps", a percentile such as "p99.99", or "longest gap"'),
  base: z.number().optional().describe('absent if the base has too few samples'),
  run: z.number().optional().describe('absent if the run has too few samples'),
  unit: z.enum(['ns', 'per hour']),
  change,
  why: z.string().optional(),
})

const file = z.string().describe('the file that the run was read from')

/** What `isolctl report --json` prints. */
export const RunsSchema = z.strictObject({
  schema: z.literal('isolctl.runs/1'),
  sentence: z.string(),
  against: z.strictObject({file, host: z.string(), kernel: z.string().optional()}).optional(),
  runs: z.array(
    z.strictObject({
      file,
      host: z.string(),
      kernel: z.string().optional(),
      start: z.string().describe('ISO 8601, UTC'),
      measuredMs: z.number().describe('the shortest time for which a CPU was watched, in milliseconds'),
      verdict: z.enum(['ok', 'over', 'unknown']).describe('that of the run itself'),
      sentence: z.string(),
      compared: z
        .strictObject({
          change,
          thresholdNs: z.number().describe('gaps of at least this time are counted, in nanoseconds'),
          quantities: z.array(Quantity),
        })
        .optional(),
    }),
  ),
})
export type RunsReport = z.output<typeof RunsSchema>
