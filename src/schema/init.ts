// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {cpulist} from './cpulist.ts'

/** `isolctl.init/1` */
export const InitSchema = z.strictObject({
  schema: z.literal('isolctl.init/1'),
  host: z.string(),
  isolated: cpulist,
  housekeeping: cpulist,
  /** Each present CPU is in exactly one of these. */
  reasons: z.array(
    z.strictObject({
      cpus: cpulist,
      role: z.enum(['housekeeping', 'isolated', 'offline']),
      why: z.string(),
    }),
  ),
  /** What was not known and therefore not considered. */
  remarks: z.array(z.string()),
  /** The text of the config. */
  config: z.string(),
  /** The path that was written; absent if nothing was written. */
  written: z.string().exactOptional(),
})

export type InitReport = z.output<typeof InitSchema>
