// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {CpuSet} from '../model/cpuset.ts'

/** CPU sets are cpulists in JSON. */
const cpulist = z.string().refine((text) => {
  try {
    CpuSet.parse(text)
    return true
  } catch {
    return false
  }
}, 'not a cpulist')

const about = {
  step: z.string(),
  /** A path, a thread ("rcu_preempt [17]"), or a command. */
  subject: z.string(),
  from: z.string().nullable().exactOptional(),
  to: z.string().nullable().exactOptional(),
}

const UndoneSchema = z.strictObject({
  ...about,
  result: z.enum(['undone', 'same', 'gone', 'conflict', 'failed']),
  /** conflict: what somebody else wrote; null when the file is gone. */
  found: z.string().nullable().exactOptional(),
  reason: z.string().exactOptional(),
})

/** `isolctl.undo/1` */
export const UndoSchema = z.strictObject({
  schema: z.literal('isolctl.undo/1'),
  host: z.string(),
  dryRun: z.boolean(),
  ok: z.boolean(),
  interrupted: z.literal(true).exactOptional(),
  changes: z.array(UndoneSchema),
})

/** `isolctl.apply/1` */
export const ApplySchema = z.strictObject({
  schema: z.literal('isolctl.apply/1'),
  host: z.string(),
  isolated: cpulist,
  housekeeping: cpulist,
  /** Absent when there was nothing to do. */
  run: z.string().exactOptional(),
  /** undone: it failed or was interrupted, and the machine is as it was; not-undone: it is not. */
  outcome: z.enum(['applied', 'unchanged', 'undone', 'not-undone']),
  changes: z.array(
    z.strictObject({
      ...about,
      result: z.enum(['done', 'same', 'refused', 'gone']),
      reason: z.string().exactOptional(),
      /** Where the interrupt still goes until it next fires. */
      pending: cpulist.exactOptional(),
    }),
  ),
  /** What was set for boot is in force after a reboot. */
  rebootPending: z.literal(true).exactOptional(),
  undone: z.array(UndoneSchema).exactOptional(),
  error: z
    .strictObject({message: z.string(), code: z.string().exactOptional(), step: z.string().exactOptional()})
    .exactOptional(),
  /** It is taken back after this time unless it is confirmed. */
  confirmWithinMs: z.number().exactOptional(),
  unknown: z.array(z.strictObject({id: z.string(), title: z.string(), reason: z.string()})),
})

/** `isolctl.confirm/1` */
export const ConfirmSchema = z.strictObject({
  schema: z.literal('isolctl.confirm/1'),
  host: z.string(),
  run: z.string(),
})

/** `isolctl.status/1` */
export const StatusSchema = z.strictObject({
  schema: z.literal('isolctl.status/1'),
  host: z.string(),
  bootId: z.string(),
  /** Nothing drifted, nothing unfinished, nothing unknown. */
  ok: z.boolean(),
  changes: z.array(
    z.strictObject({
      ...about,
      run: z.string(),
      at: z.iso.datetime(),
      state: z.enum(['in-force', 'drifted', 'reverted', 'gone', 'unknown']),
      found: z.string().exactOptional(),
      /** Drifted: who is known to write such places: "irqbalance or tuned". */
      suspect: z.string().exactOptional(),
    }),
  ),
  /** A run that is taken back at that time unless it is confirmed; or should have been, if that is past. */
  awaiting: z.strictObject({run: z.string(), by: z.iso.datetime()}).exactOptional(),
  unfinished: z.array(z.string()),
  refused: z.array(z.strictObject({path: z.string(), reason: z.string()})),
  goneAtReboot: z.number().int(),
  /** Threads that are isolated now, or were. Absent: the kernel has no task isolation, or `threadsUnknown` says why not. */
  threads: z
    .array(
      z.strictObject({
        pid: z.number().int(),
        tid: z.number().int(),
        name: z.string(),
        cpu: z.number().int(),
        state: z.string(),
        starts: z.number().int(),
        refusals: z.number().int(),
        breaks: z.number().int(),
        lastCause: z.string(),
        lastDurationNs: z.number(),
      }),
    )
    .exactOptional(),
  threadsUnknown: z.string().exactOptional(),
})

/** `isolctl.topology/1`; what the machine does not tell is absent. */
export const TopologySchema = z.strictObject({
  schema: z.literal('isolctl.topology/1'),
  host: z.string(),
  online: cpulist,
  offline: cpulist,
  isolated: cpulist.exactOptional(),
  nohzFull: cpulist.exactOptional(),
  smt: z.boolean().exactOptional(),
  cpus: z.array(
    z.strictObject({
      cpu: z.number().int(),
      online: z.boolean(),
      socket: z.number().int().exactOptional(),
      node: z.number().int().exactOptional(),
      core: z.number().int().exactOptional(),
      siblings: cpulist.exactOptional(),
      isolated: z.boolean().exactOptional(),
      nohzFull: z.boolean().exactOptional(),
    }),
  ),
})

export type UndoReport = z.output<typeof UndoSchema>
export type ApplyReport = z.output<typeof ApplySchema>
export type ConfirmReport = z.output<typeof ConfirmSchema>
export type StatusReport = z.output<typeof StatusSchema>
export type TopologyReport = z.output<typeof TopologySchema>
