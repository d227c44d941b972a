// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {cpulist} from './cpulist.ts'

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
  /** For a conflict: what another program wrote; null if the file no longer exists. */
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
  /** Absent if there was nothing to do. */
  run: z.string().exactOptional(),
  /**
   * undone: the run failed or was interrupted, and the machine is as before. not-undone: the
   * machine is not as before.
   */
  outcome: z.enum(['applied', 'unchanged', 'undone', 'not-undone']),
  changes: z.array(
    z.strictObject({
      ...about,
      result: z.enum(['done', 'same', 'refused', 'gone']),
      reason: z.string().exactOptional(),
      /** The CPUs that the interrupt is delivered to until it next fires. */
      pending: cpulist.exactOptional(),
    }),
  ),
  /** Some changes take effect at the next boot. */
  rebootPending: z.literal(true).exactOptional(),
  undone: z.array(UndoneSchema).exactOptional(),
  error: z
    .strictObject({message: z.string(), code: z.string().exactOptional(), step: z.string().exactOptional()})
    .exactOptional(),
  /** The run is undone after this time unless it is confirmed; milliseconds. */
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
  /** Nothing drifted, no run is unfinished, and nothing is unknown. */
  ok: z.boolean(),
  changes: z.array(
    z.strictObject({
      ...about,
      run: z.string(),
      at: z.iso.datetime(),
      state: z.enum(['in-force', 'drifted', 'reverted', 'gone', 'unknown']),
      found: z.string().exactOptional(),
      /** For a drifted value: the running programs that write such files: "irqbalance or tuned". */
      suspect: z.string().exactOptional(),
    }),
  ),
  /**
   * A run that is undone at this time unless it is confirmed. If the time is in the past, the run
   * should have been undone.
   */
  awaiting: z.strictObject({run: z.string(), by: z.iso.datetime()}).exactOptional(),
  unfinished: z.array(z.string()),
  refused: z.array(z.strictObject({path: z.string(), reason: z.string()})),
  goneAtReboot: z.number().int(),
  /**
   * Threads that are or were isolated. Absent if the kernel has no task isolation, or if
   * `threadsUnknown` gives the reason.
   */
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

/** `isolctl.topology/1`. A key is absent if the machine does not report the value. */
export const TopologySchema = z.strictObject({
  schema: z.literal('isolctl.topology/1'),
  host: z.string(),
  online: cpulist,
  offline: cpulist,
  isolated: cpulist.exactOptional(),
  nohzFull: cpulist.exactOptional(),
  smt: z.boolean().exactOptional(),
  /** The NUMA nodes that are online. They can overlap (numa=fake). */
  nodes: z.array(z.strictObject({node: z.number().int(), cpus: cpulist})).exactOptional(),
  cpus: z.array(
    z.strictObject({
      cpu: z.number().int(),
      online: z.boolean(),
      socket: z.number().int().exactOptional(),
      node: z.number().int().exactOptional(),
      core: z.number().int().exactOptional(),
      siblings: cpulist.exactOptional(),
      /** s390: a drawer has books, a book has sockets. */
      book: z.number().int().exactOptional(),
      drawer: z.number().int().exactOptional(),
      /** The CPUs that share the cluster, the L2 and the L3 cache, including this one. */
      cluster: cpulist.exactOptional(),
      l2: cpulist.exactOptional(),
      l3: cpulist.exactOptional(),
      /** Absent if all cores are of one type. */
      coreType: z.enum(['performance', 'efficient', 'low-power']).exactOptional(),
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
