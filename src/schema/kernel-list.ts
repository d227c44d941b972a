// SPDX-License-Identifier: MIT
import * as z from 'zod'

/**
 * What `kernel list --json` prints: every kernel in /boot, and every kernel that isolctl installed
 * and that is no longer in /boot.
 */
export const KernelListSchema = z.object({
  schema: z.literal('isolctl.kernel-list/1'),
  kernels: z.array(
    z.object({
      /** What `uname -r` prints when it runs. */
      release: z.string(),
      running: z.boolean(),
      /** The boot loader starts it by default. */
      default: z.boolean(),
      /**
       * The patches of a kernel that was installed with its manifest: the base ("6.12"), the number
       * of patches, and their sha256.
       */
      series: z.object({base: z.string(), patches: z.number(), sha256: z.string()}).exactOptional(),
      /** The state of a kernel that isolctl installed. */
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
