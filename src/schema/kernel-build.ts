// SPDX-License-Identifier: MIT
import * as z from 'zod'

/** The fields of every build: its inputs, its results, and what identifies the running kernel. */
const built = z.object({
  /** The sha256 of everything that decides what the kernel is (src/kernel/build/key.ts). */
  key: z.string(),
  /** What `uname -r` prints. */
  release: z.string(),
  /** The base of the series, e.g. "6.12". */
  base: z.string(),
  /** The version of the source, e.g. "6.12.117". */
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
  /**
   * The date of the source, which the kernel reports as its build date; seconds since the epoch.
   */
  date: z.number(),
  /** The GNU build id of vmlinux; the running kernel has it in /sys/kernel/notes. */
  buildId: z.string(),
  vmlinuxSha256: z.string(),
  /** The number of objects that were compiled. */
  objects: z.number(),
})

/** A file beside the manifest: a path could lead anywhere. */
const fileName = z.string().regex(/^(?!\.\.?$)[^/\0]+$/)

const files = z.array(
  z.object({role: z.enum(['image', 'headers', 'debug', 'config']), name: fileName, sha256: z.string()}),
)

/** manifest.json of a kernel that was built as a package. */
export const PackageManifestSchema = z.object({
  schema: z.literal('isolctl.kernel-build/1'),
  ...built.shape,
  format: z.enum(['deb', 'rpm']),
  files,
})
export type PackageManifest = z.infer<typeof PackageManifestSchema>

/** manifest.json of a kernel for the lab. */
export const LabManifestSchema = z.object({
  schema: z.literal('isolctl.kernel/2'),
  ...built.shape,
  flavour: z.string(),
  files,
})
export type LabManifest = z.infer<typeof LabManifestSchema>

export type BuildManifest = PackageManifest | LabManifest
/** The fields that the two manifests share. */
export type BuildFacts = z.infer<typeof built> & {files: z.infer<typeof files>}

/** What `kernel build --json` prints: the manifest, and where the files are. */
export const KernelBuildSchema = PackageManifestSchema.extend({
  /** The directory with the files. */
  folder: z.string(),
  log: z.string(),
  notes: z.array(z.string()),
  /** With --rebuild: whether vmlinux is the same as before. */
  reproduced: z.boolean().exactOptional(),
})
