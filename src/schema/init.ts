// SPDX-License-Identifier: MIT
import * as z from 'zod'

const cpulist = z.string().describe('CPUs as the kernel writes them: "2-3,8"; empty: none')

/** `isolctl.init/1` */
export const InitSchema = z.strictObject({
  schema: z.literal('isolctl.init/1'),
  host: z.string(),
  isolated: cpulist,
  housekeeping: cpulist,
  /** Every CPU that is present is in exactly one of these. */
  reasons: z.array(
    z.strictObject({
      cpus: cpulist,
      role: z.enum(['housekeeping', 'isolated', 'offline']),
      why: z.string(),
    }),
  ),
  /** What could not be taken into account. */
  remarks: z.array(z.string()),
  /** The file's text. */
  config: z.string(),
  /** Absent: nothing was written. */
  written: z.string().exactOptional(),
})

export type InitReport = z.output<typeof InitSchema>
