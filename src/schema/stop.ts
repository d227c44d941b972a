// SPDX-License-Identifier: MIT
import * as z from 'zod'

const ms = z.number().nonnegative()

/** `isolctl.stop/1`: how a launched program ended. */
export const StopSchema = z.strictObject({
  schema: z.literal('isolctl.stop/1'),
  /** 0: the unit was not running, and nothing was done. */
  pid: z.number().int(),
  name: z.string(),
  unit: z.string().exactOptional(),
  /** "SIGTERM"; for a number without a name "SIG34". */
  signal: z.string(),
  /** The program ended within the time. Its exit status is known to its parent only. */
  ended: z.boolean(),
  waitedMs: ms,
  /** The threads that were isolated when the signal was sent, and how their isolation ended. */
  workers: z.array(
    z.strictObject({
      tid: z.number().int(),
      name: z.string(),
      cpu: z.number().int(),
      /** "ended", "lost" when the kernel counted a break, or "isolated", "leaving", "off" when it runs on. */
      state: z.string(),
      /** The cause and the help of the break. */
      lost: z.strictObject({message: z.string(), help: z.string()}).exactOptional(),
    }),
  ),
  /** What may have gone otherwise than in order. */
  notes: z.array(z.string()),
})

export type StopReport = z.output<typeof StopSchema>
