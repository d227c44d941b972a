// SPDX-License-Identifier: MIT
import * as z from 'zod'

/** manifest.json of a built kernel: what went into it, what came out, and how to know it again once it runs. */
export const BuildManifestSchema = z.object({
  schema: z.literal('isolctl.kernel-build/1'),
  /** sha256 over everything that decides what the kernel is. */
  key: z.string(),
  /** What `uname -r` says. */
  release: z.string(),
  /** The series, e.g. "6.12". */
  base: z.string(),
  /** Of the source, e.g. "6.12.117". */
  version: z.string(),
  source: z.object({
    kind: z.enum(['debian', 'archive', 'tree', 'tag']),
    name: z.string(),
    sha256: z.string(),
    verified: z.enum(['apt', 'signature', 'user']),
  }),
  series: z.object({sha256: z.string(), patches: z.number()}),
  config: z.object({from: z.string(), sha256: z.string()}),
  compiler: z.string(),
  /** Seconds since the epoch: when the source was made, and so, by its own words, the kernel. */
  date: z.number(),
  /** The GNU build id of vmlinux, as /sys/kernel/notes has it while it runs. */
  buildId: z.string(),
  vmlinuxSha256: z.string(),
  objects: z.number(),
  format: z.enum(['deb', 'rpm']),
  files: z.array(
    z.object({role: z.enum(['image', 'headers', 'debug', 'config']), name: z.string(), sha256: z.string()}),
  ),
})

/** What `kernel build --json` prints: the manifest, and where it all is. */
export const KernelBuildSchema = BuildManifestSchema.extend({
  /** The directory with the files. */
  folder: z.string(),
  log: z.string(),
  notes: z.array(z.string()),
  /** Of --rebuild: whether vmlinux is the same as before. */
  reproduced: z.boolean().exactOptional(),
})
export type BuildManifest = z.infer<typeof BuildManifestSchema>
