// SPDX-License-Identifier: MIT
import * as z from 'zod'

const counter = z.number().int().nonnegative()
const ms = z.number().nonnegative()

/**
 * `isolctl.launch/1`: what isol-exec writes (src/launch/shim/report.h), to --status-file when all workers are isolated and
 * at the end, and with --json to stderr at the end.
 */
export const LaunchSchema = z.strictObject({
  schema: z.literal('isolctl.launch/1'),
  /** As it was named on the command line; bytes that are not ASCII one by one. */
  program: z.string(),
  pid: z.number().int(),
  cpus: z.string(),
  /** The program is over, and this is the last word. */
  ended: z.boolean(),
  /** All workers have been isolated at once. */
  ready: z.boolean(),
  durationMs: ms,
  /** Some thread has been. */
  isolated: z.boolean(),
  /** Of all threads together. */
  starts: counter,
  breakCount: counter,
  /** Threads that were isolated, or tried to be. */
  threads: z.array(
    z.strictObject({
      tid: z.number().int(),
      name: z.string(),
      cpu: z.number().int(),
      state: z.enum(['off', 'starting', 'isolated', 'lost']),
      /** Until now, or how long it held the last time. */
      isolatedMs: ms,
      /** What a hypervisor took from the CPU meanwhile, if it tells. */
      stealMs: ms,
      starts: counter,
      refusals: counter,
      lastRefusal: z.string(),
      breaks: counter,
    }),
  ),
  /** The first hundred, as they were seen: a thread that breaks faster than we look has a count. */
  breaks: z.array(
    z.strictObject({
      tid: z.number().int(),
      name: z.string(),
      cpu: z.number().int(),
      cause: z.string(),
      data: z.string().regex(/^0x[0-9a-f]+$/),
      message: z.string(),
      help: z.string(),
      /** Who interrupted it from another CPU, where the kernel knows. */
      sender: z
        .strictObject({
          cpu: z.number().int(),
          pid: z.number().int(),
          name: z.string(),
          site: z.string(),
          function: z.string(),
        })
        .exactOptional(),
      /** The first other thread that ran on its CPU, where that is the cause. */
      intruder: z.strictObject({pid: z.number().int(), name: z.string()}).exactOptional(),
      count: counter,
      afterMs: ms,
      sinceStartMs: ms,
    }),
  ),
})

export type LaunchReport = z.output<typeof LaunchSchema>
