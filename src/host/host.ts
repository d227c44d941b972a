// SPDX-License-Identifier: MIT
import type {CpuSet} from '../model/cpuset.ts'

/**
 * A machine as the rest of the program sees it. Paths are absolute; the host decides what "/" is:
 * this machine, a captured tree (`--root`), or a table in memory (tests).
 */
export interface HostView {
  readonly name: string
  /**
   * File contents, or undefined when the file does not exist. Any other error throws HostError. A
   * file whose name ends in .gz is decompressed.
   */
  read(path: string): Promise<string | undefined>
  /**
   * Names in a directory, numbers first and in ascending order; empty when the directory does not
   * exist.
   */
  list(path: string): Promise<readonly string[]>
  /** Whether a directory of this name exists. Throws HostError. */
  isFolder(path: string): Promise<boolean>
  /**
   * Permission bits of a file (0o644), or undefined when it does not exist. Only on a running
   * machine: tar and git do not keep the bits in a captured tree.
   */
  mode?(path: string): Promise<number | undefined>
  /**
   * True for a capture that `isolctl capture` made: a file that is absent was absent on the
   * machine. Other captured trees may lack files that the machine had.
   */
  readonly complete?: true
  /**
   * The target of a symbolic link, not resolved; undefined when there is none. Only on a running
   * machine.
   */
  link?(path: string): Promise<string | undefined>
  /**
   * Contents of a binary file; undefined when the file does not exist. Only on a running machine.
   */
  bytes?(path: string): Promise<Uint8Array | undefined>
  /**
   * The same with the user id of the file's owner. Both are of one open: a path may lead to another
   * file by then. Only on a running machine.
   */
  owned?(path: string): Promise<{readonly bytes: Uint8Array; readonly owner: number} | undefined>
  /** Measurements need a running machine; a captured tree has no `live`. */
  readonly live?: Live
}

/** Whether an absent file means that the machine does not have it. */
export const tellsAbsence = (host: HostView): boolean => host.live !== undefined || host.complete === true

/**
 * Everything that a measurement needs from a running machine, and the only clock of the program.
 */
export interface Live {
  /** ISO 8601, UTC. */
  now(): string
  /** Milliseconds since an arbitrary start, monotonic. */
  monotonicMs(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /**
   * Start a helper program below dist/libexec: ["isol-spin", "--cpu", "3"]. The returned `stop`
   * ends it, and so does the end of this process.
   */
  start(argv: readonly [string, ...string[]]): Promise<Helper>
  /**
   * Write these bytes at an offset of an existing file, such as memory that a helper shares. Throws
   * HostError.
   */
  poke(path: string, offset: number, bytes: Uint8Array): Promise<void>
  /** Bind this process to these CPUs, so that it does not disturb the CPUs it watches. */
  stayOn(cpus: CpuSet): Promise<void>
  /**
   * Run `during` with these tracepoints enabled, and return the trace. Enabling and disabling
   * interrupts every CPU. Throws HostError when tracing fails; the tracepoints are disabled again
   * in every case.
   */
  trace(request: TraceRequest, during: () => Promise<void>): Promise<string>
  /**
   * The kernel's ring buffer: one line per message, oldest first, without prefixes. Throws
   * HostError.
   */
  kernelLog(): Promise<string>
}

export interface TraceEvent {
  /** The name below tracefs's events: "timer/tick_stop". */
  readonly name: string
  /** Documentation/trace/events.rst, "Event filtering". */
  readonly filter?: string
  /** Record the kernel stack with each event, innermost function first. */
  readonly stack?: true
}

export interface TraceRequest {
  readonly events: readonly TraceEvent[]
  /** The number of CPUs of the machine: each gets a buffer. */
  readonly cpus: number
}

export interface Helper {
  readonly pid: number
  /**
   * Resolves with the first line that the helper prints, when it is ready. Rejects when it ends
   * without one.
   */
  readonly ready: Promise<string>
  /** Send SIGTERM, wait for the end, and return what the helper printed. */
  stop(): Promise<{readonly stdout: string; readonly stderr: string; readonly exitCode: number | undefined}>
}

/**
 * Identifies one thread: the kernel reuses thread ids, but not a thread id together with its start
 * time.
 */
export interface Thread {
  readonly tid: number
  /** Start time in clock ticks since boot (proc(5), field 22). */
  readonly start: string
}

/** A machine that can be changed. Checks and the planner never get this type. */
export interface Host extends HostView {
  /**
   * Write a procfs or sysfs value with one write(2) to an existing file, without truncation. "" is
   * written as a newline.
   */
  set(path: string, value: string): Promise<void>
  /** Replace a file that isolctl owns in one step; null removes it. */
  writeFile(path: string, text: string | null): Promise<void>
  /**
   * Create a directory (0755), or remove an empty one. It is no error when nothing has to be done.
   */
  makeFolder(path: string, there: boolean): Promise<void>
  /** Set the affinity of a thread to a cpulist. ESRCH when no thread has this id and start time. */
  setAffinity(thread: Thread, cpus: string): Promise<void>
  run(argv: readonly [string, ...string[]], options?: CommandOptions): Promise<{readonly stdout: string}>
  /**
   * Have what commands wrote in a directory where a boot loader finds it, which replays no file
   * system's journal. writeFile() does so itself below /boot.
   */
  checkpoint(folder: string): Promise<void>
}

export interface CommandOptions {
  readonly stdin?: string
  /** The output is for people, in their language; otherwise the program runs with LC_ALL=C. */
  readonly translated?: boolean
  /** Exit statuses that do not count as a failure; [0] when absent. */
  readonly answers?: readonly number[]
  /** For a command that takes long on a sound machine: how long impatient() waits for it. */
  readonly graceMs?: number
  /** Without it, the command may take any time. */
  readonly patience?: Patience
}

/** How long a command may still run when the work that it belongs to was interrupted. */
export interface Patience {
  readonly signal: AbortSignal
  /**
   * From the abort, or from the start of the command if that is later, to SIGTERM. What ignores
   * that gets SIGKILL.
   */
  readonly graceMs: number
}

/** A system error with the path as the user knows it. */
export class HostError extends Error {
  override readonly name = 'HostError'
  /** errno name, e.g. "EPERM". */
  readonly code: string
  readonly path: string
  constructor(code: string, path: string, what = 'cannot access', options?: ErrorOptions) {
    super(`${what} ${path}: ${code}`, options)
    this.code = code
    this.path = path
  }
}

/**
 * Something was not measured, and why: `--passive`, or a captured machine. The checks that need the
 * result are skipped.
 */
export class NotMeasured extends Error {
  override readonly name = 'NotMeasured'
}

/**
 * A field of /proc/TID/stat, from 3 on, by its number in proc(5); '' if there is none. The name, field
 * 2, may contain any character, so the fields are counted from the last ")". Pure.
 */
export const statField = (stat: string, number: number): string =>
  stat.slice(stat.lastIndexOf(')') + 2).split(' ')[number - 3] ?? ''

/** The start time of a thread from its /proc/TID/stat. Pure. */
export const startOf = (stat: string): string => statField(stat, 22)
