// SPDX-License-Identifier: MIT
import * as z from 'zod'

const counter = z.number().int().nonnegative()
const ms = z.number().nonnegative()

/**
 * `isolctl.launch/1`: what isol-exec writes (native/launch/report.c). It writes to --status-file
 * every second, if that is a regular file, when all workers are isolated, and at the end; with --json
 * to stderr at the end.
 */
export const LaunchSchema = z.strictObject({
  schema: z.literal('isolctl.launch/1'),
  /** The program as on the command line. Each byte that is not ASCII is one character. */
  program: z.string(),
  pid: z.number().int(),
  /** When the program started (proc(5), field 22, in clock ticks): another process may get its id later. */
  start: counter.exactOptional(),
  /** The program has ended: `pid` is nobody's, or another process's. Processes that it left behind run on. */
  programEnded: z.literal(true).exactOptional(),
  cpus: z.string(),
  /**
   * Who writes. If `ended` is false and no process has this pid and this start time (proc(5), field
   * 22), or if `writtenMs` (since 1970) is older than some seconds, the report is stale.
   */
  reporter: z
    .strictObject({pid: z.number().int(), start: z.string(), writtenMs: z.number().int()})
    .exactOptional(),
  /** The number of isolated threads that make the program ready. */
  workers: counter.exactOptional(),
  /** How long a thread has to end, in seconds; 0: it is judged at once (--end-grace). */
  graceS: counter.exactOptional(),
  /** The program has ended, and this report is the last. */
  ended: z.boolean(),
  /** All workers were isolated at the same time. */
  ready: z.boolean(),
  durationMs: ms,
  /** At least one thread was isolated. */
  isolated: z.boolean(),
  /** The sum over all threads. */
  starts: counter,
  breakCount: counter,
  /** Threads that were isolated, or tried to become isolated. */
  threads: z.array(
    z.strictObject({
      /** Its process: the program, or one that it started. */
      pid: z.number().int().exactOptional(),
      tid: z.number().int(),
      name: z.string(),
      cpu: z.number().int(),
      state: z.enum(['off', 'starting', 'isolated', 'lost', 'leaving']),
      /**
       * How long the thread has been isolated; for one that is not, how long it was the last time.
       */
      isolatedMs: ms,
      /** The time that a hypervisor took from the CPU during that time, if it reports it. */
      stealMs: ms,
      starts: counter,
      refusals: counter,
      lastRefusal: z.string(),
      breaks: counter,
      /** The thread ended, or its process did, as it should. */
      ended: z.boolean().exactOptional(),
      /**
       * Interruptions that waited for the thread's next entry into the kernel: text of the kernel
       * was patched, kernel mappings changed. 0 on a kernel that defers none.
       */
      deferred: z.strictObject({text: counter, tlb: counter}).optional(),
    }),
  ),
  /** Processes that the program started, and that are watched as well. */
  processes: z
    .array(z.strictObject({pid: z.number().int(), name: z.string(), start: counter.exactOptional()}))
    .exactOptional(),
  /** Threads that are not isolated, and what each of them waits for. */
  waiting: z
    .array(z.strictObject({tid: z.number().int(), name: z.string(), why: z.string()}))
    .exactOptional(),
  /**
   * The first hundred kinds of breaks: those of one thread, with the same cause and sender. The
   * numbers are of the first one. If breaks follow faster than they are read, only their count is
   * known.
   */
  breaks: z.array(
    z.strictObject({
      tid: z.number().int(),
      name: z.string(),
      cpu: z.number().int(),
      cause: z.string(),
      data: z.string().regex(/^0x[0-9a-f]+$/),
      message: z.string(),
      help: z.string(),
      /** The task that interrupted it from another CPU, if the kernel recorded it. */
      sender: z
        .strictObject({
          cpu: z.number().int(),
          pid: z.number().int(),
          name: z.string(),
          site: z.string(),
          function: z.string(),
        })
        .exactOptional(),
      /** The first other thread that ran on its CPU, if this is the cause. */
      intruder: z.strictObject({pid: z.number().int(), name: z.string()}).exactOptional(),
      count: counter,
      afterMs: ms,
      sinceStartMs: ms,
      /** When the last one happened, since the start. */
      lastMs: ms.exactOptional(),
    }),
  ),
})

export type LaunchReport = z.output<typeof LaunchSchema>
