// SPDX-License-Identifier: MIT
import {access, constants, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import type {Duplex, Readable} from 'node:stream'
import {execa} from 'execa'
import {asset} from '../lib/assets.ts'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {withPrivateFolder} from '../lib/files.ts'
import {interruption} from '../lib/interrupt.ts'
import {findProgram, missingSoftware} from '../lib/programs.ts'
import {signalName} from '../lib/signals.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {chooseAccelerator, engineFor, rememberVerdict} from './accel.ts'
import {
  type Accelerator,
  type Engine,
  initramfs,
  isolationArguments,
  type Job,
  labCpus,
  type Machine,
  PORT_FD,
  qemuArguments,
} from './machine.ts'

const QEMU = {name: 'qemu-system-x86_64', package: 'qemu-system-x86'}
/**
 * An emulated kernel boots slowly on a busy host. Under KVM a kernel boots at once or not at all.
 */
const BOOT_TIMEOUT_MS: Readonly<Record<Engine, number>> = {kvm: 20_000, threads: 90_000, turns: 600_000}
const TIMEOUT_MS = 600_000
/**
 * QEMU 10.0 with a thread for each CPU sometimes aborts (seen: 4 of 55 machines) or hangs while the
 * machine maps its devices: an access to a device goes to another one. No command runs by then.
 */
const BOOT_ATTEMPTS = 3
/** More than any boot log. A guest that logs without end must not fill the memory. */
const CONSOLE_LIMIT = 4 << 20
const CONSOLE_TAIL_LINES = 15
const RECENT = 256

type Sink = (chunk: Buffer) => void | Promise<void>

export interface LabOptions {
  /** Path of a bzImage. */
  readonly kernel: string
  /** 4 if absent. */
  readonly cpus?: number
  /** The last two if absent. */
  readonly isolated?: CpuSet
  /** 2048 if absent. */
  readonly memoryMb?: number
  /** 'auto' if absent: KVM if a guest starts under it. */
  readonly accel?: 'auto' | Accelerator
  /** Replaces the isolation arguments that `isolated` stands for. */
  readonly bootArguments?: readonly string[]
  /** Added after them: of two contradicting arguments the kernel mostly takes the last. */
  readonly append?: readonly string[]
  /** Time limit of the command, from when the machine is up; ten minutes if absent. */
  readonly timeoutMs?: number
  readonly bootTimeoutMs?: number
  /** Added to PATH, which is that of this process, and to HOME, USER, LOGNAME and SHELL of root. */
  readonly env?: Readonly<Record<string, string>>
  /** That of this process if absent. */
  readonly cwd?: string
  /**
   * The command's standard input; empty if absent. 'tty': the command gets the terminal of this
   * process as its standard input and output.
   */
  readonly stdin?: Readable | string | 'tty'
  readonly signal?: AbortSignal
  /**
   * Leave `stdout` and `stderr` of the result empty. A caller that streams the output does not need
   * it twice.
   */
  readonly discardOutput?: boolean
  /** Called with each piece of output. The guest waits until the promise resolves. */
  readonly onStdout?: Sink
  readonly onStderr?: Sink
  readonly onConsole?: Sink
  /** Called when the engine is known; a second time if KVM passed its test and then failed. */
  readonly onEngine?: (engine: Engine) => void
}

export interface LabResult {
  /** As a shell reports it: 128+N for signal N. */
  readonly exitCode: number
  /** The signal that killed the command, e.g. "SIGKILL". */
  readonly signal?: string
  readonly stdout: string
  readonly stderr: string
  /** The kernel's console. */
  readonly console: string
  readonly accel: Accelerator
  /** From the start of QEMU to the end of the command. */
  readonly elapsedMs: number
}

/** The machine failed, not the command. */
export class LabError extends UserError {
  /** Whether the command had been started. */
  readonly stage: 'boot' | 'command'
  readonly console: string
  readonly stdout: string
  readonly stderr: string

  constructor(message: string, {stage, console, news, stdout, stderr, help, code}: LabErrorOptions) {
    const tail = consoleTail(news)
    super(message, {
      exit: Exit.unsuitable,
      code,
      help: [help, tail === '' ? 'its console printed nothing' : `the end of its console:\n${tail}`]
        .filter((part) => part !== undefined)
        .join('; '),
    })
    this.stage = stage
    this.console = console
    this.stdout = stdout
    this.stderr = stderr
  }
}

interface LabErrorOptions {
  readonly stage: 'boot' | 'command'
  readonly console: string
  /**
   * The part of the console that explains the failure. The boot log does not explain a command that
   * hangs.
   */
  readonly news: string
  readonly stdout: string
  readonly stderr: string
  readonly help?: string
  readonly code: 'lab-no-start' | 'lab-panic' | 'lab-stopped' | 'lab-timeout'
}

/**
 * Boots a machine on this host's files, runs one command in it as root, and returns how it ended.
 * The machine cannot change the host: what it writes is lost when it stops. Several may run at
 * once.
 *
 * Throws UserError for a machine that cannot be made (exit 2 for bad numbers, 69 for missing
 * software), LabError (exit 69) if the machine panics, hangs, stops or does not come up, and
 * Interrupted. It leaves no process and no file behind.
 */
export async function runInLab(
  command: readonly [string, ...string[]],
  options: LabOptions,
): Promise<LabResult> {
  const {cpus, isolated, housekeeping} = labCpus(options.cpus, options.isolated)
  const {accel: wanted = 'auto', signal} = options
  signal?.throwIfAborted()
  await requireKernel(options.kernel)
  const qemu = await findProgram(QEMU.name)
  if (qemu === undefined) throw missingSoftware([QEMU], 'the lab')
  const init = await readFile(asset('libexec/isol-init'))
  const choice = {wanted, qemu, ...(signal === undefined ? {} : {signal})}

  const job: Job = {
    command,
    cwd: options.cwd ?? process.cwd(),
    env: {...rootEnvironment(), ...options.env},
    stdin: options.stdin === 'tty' ? 'tty' : options.stdin === undefined ? 'null' : 'pipe',
  }
  const boot = async (accel: Accelerator) => {
    const engine = await engineFor(accel, qemu)
    options.onEngine?.(engine)
    for (let attempts = BOOT_ATTEMPTS; ; attempts--)
      try {
        return await bootOnce(engine)
      } catch (error) {
        if (attempts === 1 || engine !== 'threads' || !isOfEmulator(error, options)) throw error
      }
  }
  const bootOnce = (engine: Engine) =>
    withPrivateFolder(async (folder) => {
      const machine: Machine = {
        kernel: options.kernel,
        initramfs: join(folder, 'initramfs.cpio'),
        engine,
        cpus,
        memoryMb: options.memoryMb ?? 2048,
        bootArguments: [
          ...(options.bootArguments ?? isolationArguments(isolated, housekeeping)),
          ...(options.append ?? []),
        ],
        terminal: job.stdin === 'tty',
      }
      await writeFile(machine.initramfs, initramfs(init, job), {flag: 'wx', mode: 0o600})
      return await attempt(qemu, machine, options)
    })

  try {
    const accel = await chooseAccelerator(choice)
    const result = await boot(accel).catch((error: unknown) => {
      if (wanted === 'auto' && accel === 'kvm' && error instanceof LabError && error.stage === 'boot')
        return undefined
      throw error
    })
    if (result !== undefined) return result
    await rememberVerdict('tcg', choice)
    return await boot('tcg')
  } finally {
    if (typeof options.stdin === 'object') options.stdin.destroy() // or it keeps the process running
  }
}

/** Whether a machine did not come up for a fault that QEMU finds in itself, or for one like it. */
function isOfEmulator(error: unknown, {bootTimeoutMs}: LabOptions): boolean {
  if (!(error instanceof LabError) || error.stage !== 'boot') return false
  return /: Assertion `/.test(error.message) || (error.code === 'lab-timeout' && bootTimeoutMs === undefined)
}

async function requireKernel(kernel: string): Promise<void> {
  try {
    await access(kernel, constants.R_OK)
  } catch (cause) {
    throw new UserError(`cannot read the kernel ${kernel}: ${errnoOf(cause) ?? 'EIO'}`, {
      help: 'give a bzImage, or leave out --kernel to have one built',
      cause,
    })
  }
}

/**
 * PATH is that of this process, because the files are the host's: a name means the same program in
 * both.
 */
function rootEnvironment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    USER: 'root',
    LOGNAME: 'root',
    SHELL: '/bin/sh',
  }
}

async function attempt(qemu: string, machine: Machine, options: LabOptions): Promise<LabResult> {
  const started = performance.now()
  const child = startQemu(qemu, machine)
  const port = (name: keyof typeof PORT_FD) =>
    (child.nodeChildProcess.stdio as readonly unknown[])[PORT_FD[name]] as Duplex
  const keep = options.discardOutput !== true
  const stdout = collect(port('stdout'), {keep, sink: options.onStdout})
  const stderr = collect(port('stderr'), {keep, sink: options.onStderr})
  const console = collect(port('console'), {keep: true, limit: CONSOLE_LIMIT, sink: options.onConsole})
  const complaint = collect(child.nodeChildProcess.stderr as Readable, {keep: true, limit: CONSOLE_LIMIT})
  const control = port('control')
  control.on('error', () => {}) // a write may follow the end of the machine, which is reported elsewhere
  const spoken = lines(control)

  let stage: 'boot' | 'command' = 'boot'
  let consoleAtStart = 0
  const fail = (code: LabErrorOptions['code'], message: string, help?: string) =>
    new LabError(message, {
      code,
      stage,
      console: console.text(),
      news: console.text().slice(consoleAtStart),
      stdout: stdout.text(),
      stderr: stderr.text(),
      ...(help === undefined ? {} : {help}),
    })
  const stopping = new AbortController()
  /** Waits for `work`, and rejects on everything that can prevent it. */
  const within = async <T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> =>
    await Promise.race([
      work,
      stdout.failed,
      stderr.failed,
      console.seen(/---\[ end Kernel panic/).then(() => Promise.reject(stopped())),
      child.then(async () => {
        await Promise.all([console.ended, complaint.ended])
        throw stopped()
      }),
      timeout(ms, stopping.signal).then(() => Promise.reject(late())),
      aborted(options.signal, stopping.signal),
    ])
  const stopped = () => {
    const panic = /Kernel panic - not syncing: (.*)/.exec(console.text())?.[1]
    if (panic !== undefined) return fail('lab-panic', `the lab machine panicked: ${panic.trim()}`)
    if (stage === 'command') return fail('lab-stopped', 'the lab machine stopped before the command ended')
    const reason = /^isol-init: (.*)/m.exec(console.text())?.[1] ?? complaint.text().trim().split('\n').at(-1)
    return fail('lab-no-start', `the lab machine did not come up${reason ? `: ${reason.trim()}` : ''}`)
  }

  try {
    const bootMs = options.bootTimeoutMs ?? BOOT_TIMEOUT_MS[machine.engine]
    await within(spoken.next(), bootMs, () =>
      fail('lab-timeout', `the lab machine did not come up within ${seconds(bootMs)}`),
    )
    stage = 'command'
    consoleAtStart = console.text().length
    if (options.stdin !== undefined && options.stdin !== 'tty') feed(control, options.stdin)
    const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
    const end = await within(
      spoken.next().then(async (line) => {
        const ended = parseEnd(line)
        await Promise.all([stdout.reached(ended.stdoutBytes), stderr.reached(ended.stderrBytes)])
        return ended
      }),
      timeoutMs,
      () =>
        fail(
          'lab-timeout',
          `the command in the lab did not end within ${seconds(timeoutMs)}`,
          'allow it more time: --timeout 30m',
        ),
    )
    return {
      exitCode: end.exitCode,
      ...(end.signal === undefined ? {} : {signal: end.signal}),
      stdout: stdout.text(),
      stderr: stderr.text(),
      console: console.text(),
      accel: machine.engine === 'kvm' ? 'kvm' : 'tcg',
      elapsedMs: Math.round(performance.now() - started),
    }
  } finally {
    stopping.abort()
    child.kill() // the machine writes only to memory: it needs no shutdown
    await child
  }
}

function startQemu(qemu: string, machine: Machine) {
  const outside = machine.terminal ? 'inherit' : 'ignore'
  // With setpriv, QEMU ends with this process, also on SIGKILL.
  return execa('setpriv', ['--pdeathsig', 'KILL', '--', qemu, ...qemuArguments(machine)], {
    stdio: [outside, outside, 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    buffer: false,
    reject: false,
    forceKillAfterDelay: 1000,
    // A process group of its own, because Ctrl-C is passed on here. With a terminal the guest gets
    // Ctrl-C as a character.
    killDescendants: !machine.terminal,
  })
}

interface CollectOptions {
  readonly keep: boolean
  readonly limit?: number
  readonly sink?: Sink | undefined
}

/** Reads a port to its end. */
function collect(stream: Readable, {keep, limit = Number.POSITIVE_INFINITY, sink}: CollectOptions) {
  let kept: Buffer[] = []
  let keptBytes = 0
  let bytes = 0
  /** The last chunk, and the end of the output before it, for a line that was split. */
  let recent = ''
  const watchers = new Set<() => void>()
  const {promise: failed, reject: fail} = Promise.withResolvers<never>()
  failed.catch(() => {}) // it may reject when nothing waits for it any more
  const ended = (async () => {
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        bytes += chunk.length
        recent = recent.slice(-RECENT) + chunk.toString('latin1')
        if (keep) {
          kept.push(chunk)
          keptBytes += chunk.length
          while (keptBytes > limit && kept.length > 1) keptBytes -= kept.shift()?.length ?? 0
        }
        try {
          await sink?.(chunk)
        } catch (error) {
          fail(error)
          return
        }
        for (const watcher of watchers) watcher()
      }
    } catch {
      // the socket broke because QEMU ended, which is reported elsewhere
    }
  })()
  const when = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const watcher = () => {
        if (holds()) {
          watchers.delete(watcher)
          resolve()
        }
      }
      watchers.add(watcher)
      watcher()
    })
  const text = () => {
    kept = [Buffer.concat(kept)]
    return kept[0]?.toString('utf8') ?? ''
  }
  return {
    text,
    ended,
    /** Rejects with the error that the sink threw. */
    failed,
    reached: (count: number) => when(() => bytes >= count),
    seen: (pattern: RegExp) => when(() => pattern.test(recent)),
  }
}

/** The lines of a stream, one at a time. The promise of a line that does not come stays pending. */
function lines(stream: Readable): {next(): Promise<string>} {
  const ready: string[] = []
  const waiting: ((line: string) => void)[] = []
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('latin1')).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const taker = waiting.shift()
      if (taker === undefined) ready.push(part)
      else taker(part)
    }
  })
  return {
    next: () =>
      new Promise((resolve) => {
        const line = ready.shift()
        if (line === undefined) waiting.push(resolve)
        else resolve(line)
      }),
  }
}

/** Standard input, in frames: see native/helpers/init.c. Ends when the machine ends. */
function feed(control: Duplex, input: Readable | string): void {
  const frame = (bytes: Buffer) => {
    const header = Buffer.alloc(4)
    header.writeUInt32LE(bytes.length)
    return control.write(Buffer.concat([header, bytes]))
  }
  const chunks = typeof input === 'string' ? [Buffer.from(input)] : (input as AsyncIterable<Buffer | string>)
  void (async () => {
    try {
      for await (const chunk of chunks) {
        const bytes = Buffer.from(chunk)
        // An empty frame means the end.
        if (bytes.length > 0 && !frame(bytes)) await new Promise((resolve) => control.once('drain', resolve))
      }
      frame(Buffer.alloc(0))
    } catch {
      // an error of the input is its end
      frame(Buffer.alloc(0))
    }
  })()
}

interface End {
  readonly exitCode: number
  readonly signal?: string
  readonly stdoutBytes: number
  readonly stderrBytes: number
}

/** "exited CODE OUT ERR" or "killed SIGNAL OUT ERR". */
export function parseEnd(line: string): End {
  const match = /^(exited|killed) (\d+) (\d+) (\d+)$/.exec(line)
  if (!match) throw new Error(`the lab machine sent an unknown line: "${line}"`)
  const [value, stdoutBytes, stderrBytes] = [Number(match[2]), Number(match[3]), Number(match[4])]
  if (match[1] === 'exited') return {exitCode: value, stdoutBytes, stderrBytes}
  return {exitCode: 128 + value, signal: signalName(value), stdoutBytes, stderrBytes}
}

/** The first line of what the kernel prints when it finds a fault in itself, or of a panic. */
const FIRST_COMPLAINT =
  /\b(?:Oops|BUG|KASAN|UBSAN): |: 0000 \[#1\]|general protection fault|Kernel panic - not syncing/

/** The last lines, or those from the first complaint: below them are only registers. */
function consoleTail(console: string): string {
  const lines = console
    .replaceAll('\r', '')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const panic = lines.findIndex((line) => FIRST_COMPLAINT.test(line))
  const start = panic >= 0 ? panic : Math.max(0, lines.length - CONSOLE_TAIL_LINES)
  return lines
    .slice(start, start + CONSOLE_TAIL_LINES)
    .map((line) => `    ${line}`)
    .join('\n')
}

function timeout(ms: number, stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    stopping.addEventListener('abort', () => clearTimeout(timer), {once: true})
  })
}

function aborted(signal: AbortSignal | undefined, stopping: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(interruption(signal))
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, {once: true, signal: stopping})
  })
}

function seconds(ms: number): string {
  return `${ms / 1000} s`
}
