// SPDX-License-Identifier: MIT
import {z} from 'zod'
import {CpuSet} from '../lib/cpuset.ts'

/** A plan may come from a file: no "..", no doubled slash, nothing that means another place than it says. */
const absolute = z
  .string()
  .refine(
    (path) => /^(\/[^/\0\n]+)+$/.test(path) && !/\/\.{1,2}(\/|$)/.test(path),
    'not a plain absolute path',
  )

const kernelFile = absolute.refine((path) => /^\/(proc|sys)\//.test(path), 'not below /proc or /sys')

const argv = z.tuple([z.string().min(1)], z.string()).readonly()

/** A procfs or sysfs value: gone at reboot. `from` is the text as read, so that undo can give it back to the letter. */
const SetChange = z.strictObject({
  kind: z.literal('set'),
  path: kernelFile,
  from: z.string(),
  to: z.string(),
  /** How two texts are compared: as CPU sets, or (absent) letter by letter. The kernel does not echo what it was given. */
  format: z.enum(['cpulist', 'cpumask']).exactOptional(),
  /** A file that tells where the value is in force; that may be later than the write (a pending interrupt move). */
  effective: kernelFile.exactOptional(),
  /** EIO or EPERM is the kernel's answer "this one is mine": reported, not a failure. */
  refusable: z.literal(true).exactOptional(),
  /** What the path stands for: "nvme0q3". */
  about: z.string().exactOptional(),
})

/** One of our own files. null: there is no file. */
const FileChange = z.strictObject({
  kind: z.literal('file'),
  path: absolute,
  from: z.string().nullable(),
  to: z.string().nullable(),
  about: z.string().exactOptional(),
})

/**
 * A command that makes something follow from files, such as update-grub. Either direction may have none: what must run
 * after the files of a step went in, and again after they came out, is planned as {argv: null, undo: C} before them and
 * {argv: C, undo: null} behind. Both must be harmless when run twice: after a crash nobody knows whether they ran.
 */
const RunChange = z.strictObject({
  kind: z.literal('run'),
  argv: argv.nullable(),
  undo: argv.nullable(),
  about: z.string().exactOptional(),
})

/**
 * One effect on the machine, as data. A plan is computed, shown, stored and undone without touching the machine; only
 * effect.ts turns a Change into an effect.
 */
export const ChangeSchema = z.discriminatedUnion('kind', [SetChange, FileChange, RunChange])

export type Change = Readonly<z.output<typeof ChangeSchema>>

/** The change that takes this one back. */
export function invert(change: Change): Change {
  return change.kind === 'run'
    ? {...change, argv: change.undo, undo: change.argv}
    : ({...change, from: change.to, to: change.from} as Change)
}

/** Whether two contents of the changed file mean the same. null: no file. */
export function sameValue(change: Change, a: string | null, b: string | null): boolean {
  if (a === null || b === null || change.kind !== 'set') return a === b
  if (change.format !== undefined) {
    const [x, y] = [cpusOf(change.format, a), cpusOf(change.format, b)]
    if (x && y) return x.equals(y)
  }
  return a.trim() === b.trim()
}

/** The CPUs that a text names, or undefined when it is no such text. */
export function cpusOf(format: 'cpulist' | 'cpumask', text: string): CpuSet | undefined {
  try {
    return format === 'cpulist' ? CpuSet.parse(text) : CpuSet.fromMask(text)
  } catch {
    return undefined
  }
}

/** What a change is about, in one word: its path, or the command. */
export function subjectOf(change: Change): string {
  return change.kind === 'run' ? (change.argv ?? change.undo ?? []).join(' ') : change.path
}
