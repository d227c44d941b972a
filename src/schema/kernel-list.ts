// SPDX-License-Identifier: MIT
import * as z from 'zod'

/**
 * What `kernel list --json` prints: every kernel in /boot, and those that isolctl installed and
 * /boot no longer has.
 */
export const KernelListSchema = z.object({
  schema: z.literal('isolctl.kernel-list/1'),
  kernels: z.array(
    z.object({
      /** What `uname -r` says of it. */
      release: z.string(),
      running: z.boolean(),
      /** The boot loader starts it unless told otherwise. */
      default: z.boolean(),
      /**
       * The patches in it, of a kernel that was installed with its manifest: "6.12", how many,
       * their sha256.
       */
      series: z.object({base: z.string(), patches: z.number(), sha256: z.string()}).exactOptional(),
      /** What became of one that isolctl installed. */
      fate: z
        .object({
          what: z.enum([
            'unfinished',
            'waiting',
            'on-trial',
            'unjudged',
            'trial-failed',
            'judged-bad',
            'promoted',
            'rolled-back',
          ]),
          text: z.string(),
        })
        .exactOptional(),
    }),
  ),
})
export type KernelList = z.infer<typeof KernelListSchema>
