// SPDX-License-Identifier: MIT
/** The measured matrix: one row for each activity. docs/endurance.json is one. */
import {z} from 'zod'

const DeferredSchema = z.strictObject({text: z.number(), tlb: z.number()})

export const RowSchema = z.strictObject({
  id: z.string(),
  /** "died": the machine stopped or hung while this was tried. */
  result: z.enum(['held', 'broke', 'not tried', 'died']),
  /** Why it was not tried, or how the machine died. */
  why: z.string().optional(),
  /** The kernel's record, where isolation ended: the text of /proc/PID/task_isolation. */
  record: z.string().optional(),
  /** Interruptions that the kernel put off meanwhile. */
  deferred: DeferredSchema.optional(),
  /** What /proc/interrupts counted on the isolated CPU: "CAL+2 LOC+1". */
  interrupts: z.string().optional(),
  seconds: z.number().optional(),
})
export type Row = z.output<typeof RowSchema>

/** What the kernel without deferred interruptions did. Measured by another harness; some rows are missing. */
const BeforeSchema = z.strictObject({
  kernel: z.string(),
  rows: z.record(
    z.string(),
    z.strictObject({result: z.enum(['held', 'broke', 'not tried']), cause: z.string(), by: z.string()}),
  ),
})

export const MatrixSchema = z.strictObject({
  /** The text of /proc/version. */
  kernel: z.string(),
  /** The build ID of the kernel, in hexadecimal: any other code has another one. */
  build: z.string(),
  machine: z.string(),
  /** Machines that were booted, because one died. */
  boots: z.number(),
  before: BeforeSchema,
  rows: z.array(RowSchema),
})
export type Matrix = z.output<typeof MatrixSchema>

/** "6.12.117-isolctl", of the text of /proc/version; undefined if it names none. Pure. */
export const releaseOf = (version: string): string | undefined => /Linux version (\S+)/.exec(version)?.[1]

/**
 * The build ID among the notes of a kernel, in hexadecimal: the text of /sys/kernel/notes, which is
 * that of an ELF section .notes. undefined if there is none. Pure.
 */
export function buildId(notes: Buffer): string | undefined {
  const GNU_BUILD_ID = 3
  const padded = (length: number) => Math.ceil(length / 4) * 4
  for (let at = 0; at + 12 <= notes.length; ) {
    const [nameSize, size, type] = [0, 4, 8].map((field) => notes.readUInt32LE(at + field))
    const name = notes.toString('latin1', at + 12, at + 12 + (nameSize ?? 0))
    const body = at + 12 + padded(nameSize ?? 0)
    if (type === GNU_BUILD_ID && name === 'GNU\0') return notes.toString('hex', body, body + (size ?? 0))
    at = body + padded(size ?? 0)
  }
  return undefined
}

/**
 * Rows of two kernels or machines in one matrix would be read as those of one. Throws Error if rows
 * of the stored matrix are kept beside those of another kernel or machine. Pure.
 */
export function refuseToMix(
  stored: Pick<Matrix, 'build' | 'machine'>,
  kept: readonly Row[],
  now: Pick<Matrix, 'build' | 'machine'>,
): void {
  const [was, is] = [stored, now].map(({build, machine}) => `the kernel with build ID ${build}, ${machine}`)
  if (kept.length > 0 && was !== is)
    throw new Error(`the other ${kept.length} rows are of ${was}, and not of ${is}: run all`)
}

/** What the guest says, a line of JSON each. */
export const LineSchema = z.discriminatedUnion('at', [
  z.object({at: z.literal('machine'), kernel: z.string(), build: z.string(), apply: z.string()}),
  z.object({at: z.literal('begin'), id: z.string()}),
  z.object({at: z.literal('end'), row: RowSchema}),
])
export type Line = z.output<typeof LineSchema>
