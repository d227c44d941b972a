// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {CpuSet} from './cpuset.ts'

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
  /**
   * How two texts are compared, because the kernel does not echo what it was given: as CPU sets, as the word in brackets
   * of a list of choices ("always [madvise] never"), or, for "+cpuset" and "-cpuset", by whether the word is there.
   * Absent: letter by letter.
   */
  format: z.enum(['cpulist', 'cpumask', 'choice', 'word']).exactOptional(),
  /** A file that tells where the value is in force; that may be later than the write (a pending interrupt move). */
  effective: kernelFile.exactOptional(),
  /**
   * A cpulist to keep clear of, where any set without these CPUs serves: irqbalance may choose another one than we did,
   * and what it chose is as good.
   */
  avoid: z.string().exactOptional(),
  /** EIO or EPERM (busy: EBUSY) is the kernel's answer "this one is mine": reported, not a failure. */
  refusable: z.literal([true, 'busy']).exactOptional(),
  /** What the path stands for: "nvme0q3". */
  about: z.string().exactOptional(),
})

/**
 * Where a thread may run (sched_setaffinity(2)). A number alone names whichever thread has it now: with its start, in
 * clock ticks since boot (proc(5), field 22), it names one thread for good.
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

/** A directory of ours: null for none, "" for there. Removing one that somebody put something in is refused. */
const FolderChange = z.strictObject({
  kind: z.literal('folder'),
  path: absolute,
  from: z.literal('').nullable(),
  to: z.literal('').nullable(),
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

/** A variable in GRUB's environment block. Only GRUB's own program may write there. null: it is not set. */
const GrubenvChange = z.strictObject({
  kind: z.literal('grubenv'),
  path: absolute,
  name: z.string().regex(/^[a-z_]+$/),
  from: z.string().nullable(),
  to: z.string().nullable(),
  /** grub-editenv, under the name that it has here. */
  editenv: absolute,
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
  /** What it did is gone at reboot. */
  untilReboot: z.literal(true).exactOptional(),
  /** What it prints becomes a grub.cfg, in one step, and only after it was checked: nobody ever boots half of one. */
  into: z
    .strictObject({
      path: absolute,
      /** Gets it on standard input. */
      check: argv,
      /** Boot arguments that every ordinary entry in it must pass. */
      passes: z.array(z.string()),
    })
    .exactOptional(),
  about: z.string().exactOptional(),
})

/**
 * One effect on the machine, as data. A plan is computed, shown, stored and undone without touching the machine; only
 * effect.ts turns a Change into an effect.
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

/** A change of something that has a content, before and after. */
export type ContentChange = Exclude<Change, {kind: 'run'}>

/** The change that takes this one back. */
export function invert(change: Change): Change {
  return change.kind === 'run'
    ? {...change, argv: change.undo, undo: change.argv}
    : ({...change, from: change.to, to: change.from} as Change)
}

/** Whether two contents of what is changed mean the same. null: it is not there. */
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
 * Whether a content is what became of a value of ours: the kernel takes the word "isolated", and may then say "isolated
 * invalid (why)" of it, at once or when something else changes (kernel/cgroup/cpuset.c: sched_partition_show).
 */
export function cameOf(change: Change, found: string | null, value: string | null): boolean {
  if (sameValue(change, found, value)) return true
  if (change.kind !== 'set' || found === null || value === null) return false
  return change.path.endsWith('/cpuset.cpus.partition') && found.startsWith(`${value} invalid`)
}

/** Letter by letter, but for the newline: most of the time it is that simple, and needs no parsing. */
export const sameText = (a: string | null, b: string | null): boolean =>
  a === b || (a !== null && b !== null && a.trim() === b.trim())

function sameCpus(format: 'cpulist' | 'cpumask', a: string, b: string): boolean {
  if (sameText(a, b)) return true
  const [x, y] = [cpusOf(format, a), cpusOf(format, b)]
  return x && y ? x.equals(y) : a.trim() === b.trim()
}

/** The CPUs that a text names, or undefined when it is no such text. */
export function cpusOf(format: 'cpulist' | 'cpumask', text: string): CpuSet | undefined {
  try {
    return format === 'cpulist' ? CpuSet.parse(text) : CpuSet.fromMask(text)
  } catch {
    return undefined
  }
}

/** Whether a content serves the purpose as well as the one that was planned: see `avoid`. */
export function avoids(change: Change, found: string | null): boolean {
  if (change.kind !== 'set' || change.avoid === undefined || found === null) return false
  if (change.format !== 'cpulist' && change.format !== 'cpumask') return false
  const [there, avoid] = [cpusOf(change.format, found), cpusOf('cpulist', change.avoid)]
  return there !== undefined && avoid !== undefined && there.intersect(avoid).isEmpty
}

/** "madvise" of "always [madvise] never", and of "madvise". */
export const chosen = (text: string): string => /\[([^\]]+)\]/.exec(text)?.[1] ?? text.trim()

/** "+cpuset" means any list of words with cpuset among them, "-cpuset" any without. */
function sameWord(a: string, b: string): boolean {
  const holds = (text: string, signed: string) =>
    text.split(/\s+/).includes(signed.slice(1)) === signed.startsWith('+')
  if (/^[+-]/.test(a)) return /^[+-]/.test(b) ? a === b : holds(b, a)
  return /^[+-]/.test(b) ? holds(a, b) : a.trim() === b.trim()
}

/** What a change is about, in one word: its path, its thread, or the command. */
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

/** The place whose content it changes, as a key; undefined for a command. */
export function placeOf(change: Change): string | undefined {
  if (change.kind === 'run') return undefined
  if (change.kind === 'grubenv') return `${change.path} ${change.name}`
  return change.kind === 'affinity' ? `task ${change.tid} ${change.start}` : change.path
}

/** Whether a reboot takes it back by itself. /run is a file system in memory. */
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

/** Something a step leaves alone on purpose, and why: an operator must not have to guess. */
export interface Note {
  /** "irq 36 (virtio0-req.0)". */
  readonly subject: string
  readonly reason: string
}
