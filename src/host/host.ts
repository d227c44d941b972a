// SPDX-License-Identifier: MIT
import type {CpuSet} from '../model/cpuset.ts'

/**
 * What a machine looks like to the rest of the program. Paths are absolute; the host decides what "/" is: this machine,
 * a captured tree (`--root`), or a table in memory (tests).
 */
export interface HostView {
  readonly name: string
  /**
   * File contents, or undefined when the file does not exist. Any other failure throws HostError. A file whose name ends
   * in .gz is given unpacked.
   */
  read(path: string): Promise<string | undefined>
  /** Names in a directory, numbers first and in order; empty when it does not exist. */
  list(path: string): Promise<readonly string[]>
  /** Whether there is a directory of that name. Throws HostError. */
  isFolder(path: string): Promise<boolean>
  /**
   * Permission bits of a file (0o644), or undefined when it does not exist. Only on a running machine: a captured tree
   * went through tar or git and does not keep them.
   */
  mode?(path: string): Promise<number | undefined>
  /** A file that is not there was not there on the machine either: a capture of ours. Of others that cannot be told. */
  readonly complete?: true
  /** Where a symbolic link points, as it stands; undefined when there is none. Only on a running machine. */
  link?(path: string): Promise<string | undefined>
  /** Contents that are no text; undefined when the file does not exist. Only on a running machine. */
  bytes?(path: string): Promise<Uint8Array | undefined>
  /** Only a running machine can be measured; a captured tree has no `live`. */
  readonly live?: Live
}

/** Whether the absence of a file says something about the machine. */
export const tellsAbsence = (host: HostView): boolean => host.live !== undefined || host.complete === true

/** What a measurement needs of a running machine, and nothing more. The only clock of the program. */
export interface Live {
  /** ISO 8601, UTC. */
  now(): string
  /** Milliseconds since an arbitrary start, never going back. */
  monotonicMs(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /**
   * Start a helper program of ours, named as below dist/libexec: ["isol-spin", "--cpu", "3"]. Ended by the returned
   * `stop`, and when we exit.
   */
  start(argv: readonly [string, ...string[]]): Promise<Helper>
  /** Keep this program itself on these CPUs, so that it does not disturb what it watches. */
  stayOn(cpus: CpuSet): Promise<void>
  /**
   * Run `during` while these tracepoints are on, and return what they wrote. Turning them on and off interrupts every
   * CPU. Throws HostError where it cannot trace; nothing is left on.
   */
  trace(request: TraceRequest, during: () => Promise<void>): Promise<string>
  /** The kernel's ring buffer: one line per message, oldest first, without its prefix. Throws HostError. */
  kernelLog(): Promise<string>
}

export interface TraceEvent {
  /** As below tracefs's events: "timer/tick_stop". */
  readonly name: string
  /** Documentation/trace/events.rst, "Event filtering". */
  readonly filter?: string
  /** Write down the kernel's stack with each, innermost function first. */
  readonly stack?: true
}

export interface TraceRequest {
  readonly events: readonly TraceEvent[]
  /** How many CPUs the machine has: each gets a buffer. */
  readonly cpus: number
}

export interface Helper {
  readonly pid: number
  /** Resolves with the first line the helper prints: it is ready. Rejects when it ends without one. */
  readonly ready: Promise<string>
  /** Send SIGTERM, wait, and return what it printed. */
  stop(): Promise<{readonly stdout: string; readonly stderr: string; readonly exitCode: number | undefined}>
}

/** One thread for good: numbers are used again, a number together with its start is not. */
export interface Thread {
  readonly tid: number
  /** Clock ticks between boot and its start (proc(5), field 22). */
  readonly start: string
}

/** A machine we may change. Checks and the planner never see this type. */
export interface Host extends HostView {
  /** Write a procfs or sysfs value: one write(2) on an existing file, no truncation games. "" is written as a newline. */
  set(path: string, value: string): Promise<void>
  /** Replace one of our own files atomically; null removes it. */
  writeFile(path: string, text: string | null): Promise<void>
  /** Make a directory (0755), or remove an empty one. Neither is an error when it is so already. */
  makeFolder(path: string, there: boolean): Promise<void>
  /** Say where a thread may run: a cpulist. ESRCH when the thread with that number did not start then. */
  setAffinity(thread: Thread, cpus: string): Promise<void>
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<{readonly stdout: string}>
  /**
   * Have what commands wrote in a directory where a boot loader finds it, which replays no file system's journal.
   * writeFile() does so itself below /boot.
   */
  settle(folder: string): Promise<void>
}

export interface RunOptions {
  readonly stdin?: string
  /** What it prints is for people, in their language; otherwise it is told to speak English. */
  readonly translated?: boolean
  /** Exit statuses that are an answer, and no failure of the program; 0 when not given. */
  readonly answers?: readonly number[]
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

/** A question that was not put, and why: `--passive`, a captured machine. The checks that need the answer are skipped. */
export class NotMeasured extends Error {
  override readonly name = 'NotMeasured'
}

/** When a thread started, from its /proc/TID/stat: proc(5), field 22. Pure. */
export const startOf = (stat: string): string =>
  stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3] ?? ''
