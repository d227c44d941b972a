// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {CpuSet} from './cpuset.ts'

/**
 * A plan may come from a file, so a path must be plain: no "..", no doubled slash, nothing that
 * resolves to another place.
 */
const absolute = z
  .string()
  .refine(
    (path) => /^(\/[^/\0\n]+)+$/.test(path) && !/\/\.{1,2}(\/|$)/.test(path),
    'not a plain absolute path',
  )

/** A directory of a process leads to any file of the machine: /proc/self/root/etc/passwd. */
const kernelFile = absolute
  .refine((path) => /^\/(proc|sys)\//.test(path), 'not below /proc or /sys')
  .refine((path) => !/^\/proc\/(self|thread-self|\d+)(\/|$)/.test(path), 'leads through a process')

const argv = z.tuple([z.string().min(1)], z.string()).readonly()

/**
 * A procfs or sysfs value; a reboot resets it. `from` is the text exactly as read, so that undo can
 * restore it unchanged.
 */
const SetChange = z.strictObject({
  kind: z.literal('set'),
  path: kernelFile,
  from: z.string(),
  to: z.string(),
  /**
   * How two texts are compared, because the kernel does not print a value as it was written: as CPU
   * sets, as the word in brackets in a list of choices ("always [madvise] never"), or, for
   * "+cpuset" and "-cpuset", by whether the list contains the word. Absent: the texts must be
   * equal.
   */
  format: z.enum(['cpulist', 'cpumask', 'choice', 'word']).exactOptional(),
  /**
   * A file that shows the value in force. It may change later than the write (a pending interrupt
   * move).
   */
  effective: kernelFile.exactOptional(),
  /**
   * A cpulist. Any value without these CPUs is accepted: irqbalance may choose another CPU than the
   * plan did, and that is equally good.
   */
  avoid: z.string().exactOptional(),
  /**
   * The kernel refuses to change some values of this kind with EIO or EPERM (busy: EBUSY). This is
   * reported and is not a failure.
   */
  refusable: z.literal([true, 'busy']).exactOptional(),
  /** What the path belongs to: "nvme0q3". */
  about: z.string().exactOptional(),
})

/**
 * The affinity of a thread (sched_setaffinity(2)). The kernel reuses thread ids. Together with the
 * start time, in clock ticks since boot (proc(5), field 22), the id always means the same thread.
 */
const AffinityChange = z.strictObject({
  kind: z.literal('affinity'),
  tid: z.number().int().positive(),
  start: z.string().regex(/^\d+$/),
  comm: z.string(),
  /** cpulists */
  from: z.string(),
  to: z.string(),
  about: z.string().exactOptional(),
})

/**
 * A directory that isolctl creates; null: absent, "": present. The removal of a directory that is
 * not empty is refused.
 */
const FolderChange = z.strictObject({
  kind: z.literal('folder'),
  path: absolute,
  from: z.literal('').nullable(),
  to: z.literal('').nullable(),
  about: z.string().exactOptional(),
})

/** A file that isolctl owns. null: absent. */
const FileChange = z.strictObject({
  kind: z.literal('file'),
  path: absolute,
  from: z.string().nullable(),
  to: z.string().nullable(),
  about: z.string().exactOptional(),
})

/**
 * A variable in GRUB's environment block, which only GRUB's own program may write. null: not set.
 */
const GrubenvChange = z.strictObject({
  kind: z.literal('grubenv'),
  path: absolute,
  name: z.string().regex(/^[a-z_]+$/),
  from: z.string().nullable(),
  to: z.string().nullable(),
  /** Path of grub-editenv; distributions use different names. */
  editenv: absolute,
  about: z.string().exactOptional(),
})

/**
 * A command that generates something from files, such as update-grub. `argv` runs on apply, `undo`
 * on undo; either may be null. A command that must run after the files of a step are written, and
 * again after they are removed, is planned as {argv: null, undo: C} before them and {argv: C, undo:
 * null} after them. Both must be safe to run twice: after a crash it is not known whether they ran.
 */
const RunChange = z.strictObject({
  kind: z.literal('run'),
  argv: argv.nullable(),
  undo: argv.nullable(),
  /** A reboot reverts the effect. */
  untilReboot: z.literal(true).exactOptional(),
  /**
   * The output becomes a grub.cfg, in one step and only after a check, so that no boot can use an
   * incomplete file.
   */
  into: z
    .strictObject({
      path: absolute,
      /** Reads the output on standard input. */
      check: argv,
      /** Boot arguments that every ordinary entry must pass. */
      passes: z.array(z.string()),
    })
    .exactOptional(),
  about: z.string().exactOptional(),
})

/**
 * One effect on the machine, as data. A plan can be computed, shown, stored and inverted without
 * access to the machine; only src/plan/effect.ts performs a Change.
 */
export const ChangeSchema = z.discriminatedUnion('kind', [
  SetChange,
  AffinityChange,
  FolderChange,
  FileChange,
  GrubenvChange,
  RunChange,
])

export type Change = Readonly<z.output<typeof ChangeSchema>>

/** A change of something that has contents before and after it. */
export type ContentChange = Exclude<Change, {kind: 'run'}>

/** The change that reverts this one. Pure. */
export function invert(change: Change): Change {
  return change.kind === 'run'
    ? {...change, argv: change.undo, undo: change.argv}
    : ({...change, from: change.to, to: change.from} as Change)
}

/** Whether two contents mean the same. null: absent. Pure. */
export function sameValue(change: Change, a: string | null, b: string | null): boolean {
  if (a === null || b === null) return a === b
  if (change.kind === 'affinity') return sameCpus('cpulist', a, b)
  if (change.kind !== 'set') return a === b
  switch (change.format) {
    case 'cpulist':
    case 'cpumask':
      return sameCpus(change.format, a, b)
    case 'choice':
      return chosen(a) === chosen(b)
    case 'word':
      return sameWord(a, b)
    default:
      return a.trim() === b.trim()
  }
}

/**
 * Whether `found` results from writing `value`. After "isolated" is written to
 * cpuset.cpus.partition, the kernel may print "isolated invalid (why)", at once or after another
 * change (kernel/cgroup/cpuset.c: sched_partition_show). Pure.
 */
export function cameOf(change: Change, found: string | null, value: string | null): boolean {
  if (sameValue(change, found, value)) return true
  if (change.kind !== 'set' || found === null || value === null) return false
  return change.path.endsWith('/cpuset.cpus.partition') && found.startsWith(`${value} invalid`)
}

/** Whether two texts are equal except for the newline. Tried first, because it needs no parsing. */
export const sameText = (a: string | null, b: string | null): boolean =>
  a === b || (a !== null && b !== null && a.trim() === b.trim())

function sameCpus(format: 'cpulist' | 'cpumask', a: string, b: string): boolean {
  if (sameText(a, b)) return true
  const [x, y] = [cpusOf(format, a), cpusOf(format, b)]
  return x && y ? x.equals(y) : a.trim() === b.trim()
}

/** The CPUs in a text, or undefined when the text does not have this format. Pure. */
export function cpusOf(format: 'cpulist' | 'cpumask', text: string): CpuSet | undefined {
  try {
    return format === 'cpulist' ? CpuSet.parse(text) : CpuSet.fromMask(text)
  } catch {
    return undefined
  }
}

/** Whether a content is as good as the planned one: see `avoid`. Pure. */
export function avoids(change: Change, found: string | null): boolean {
  if (change.kind !== 'set' || change.avoid === undefined || found === null) return false
  if (change.format !== 'cpulist' && change.format !== 'cpumask') return false
  const [there, avoid] = [cpusOf(change.format, found), cpusOf('cpulist', change.avoid)]
  return there !== undefined && avoid !== undefined && there.intersect(avoid).isEmpty
}

/** "madvise" for "always [madvise] never", and for "madvise". */
export const chosen = (text: string): string => /\[([^\]]+)\]/.exec(text)?.[1] ?? text.trim()

/** "+cpuset" matches every list that contains the word cpuset, "-cpuset" every list without it. */
function sameWord(a: string, b: string): boolean {
  const holds = (text: string, signed: string) =>
    text.split(/\s+/).includes(signed.slice(1)) === signed.startsWith('+')
  if (/^[+-]/.test(a)) return /^[+-]/.test(b) ? a === b : holds(b, a)
  return /^[+-]/.test(b) ? holds(a, b) : a.trim() === b.trim()
}

/** The subject of a change for messages: its path, its thread, or the command. */
export function subjectOf(change: Change): string {
  switch (change.kind) {
    case 'run':
      return (change.argv ?? change.undo ?? []).join(' ')
    case 'affinity':
      return `${change.comm} [${change.tid}]`
    case 'grubenv':
      return `${change.path} ${change.name}`
    default:
      return change.path
  }
}

/** A key for the place whose contents change; undefined for a command. */
export function placeOf(change: Change): string | undefined {
  if (change.kind === 'run') return undefined
  if (change.kind === 'grubenv') return `${change.path} ${change.name}`
  return change.kind === 'affinity' ? `task ${change.tid} ${change.start}` : change.path
}

/** Whether a reboot reverts the change. /run is a tmpfs. */
export function isVolatile(change: Change): boolean {
  switch (change.kind) {
    case 'set':
    case 'affinity':
      return true
    case 'run':
      return change.untilReboot === true
    default:
      return /^\/(proc|sys|run)\//.test(change.path)
  }
}

/**
 * Something that a step leaves as it is, with the reason, so that the operator does not have to
 * guess.
 */
export interface Note {
  /** "irq 36 (virtio0-req.0)". */
  readonly subject: string
  readonly reason: string
}
