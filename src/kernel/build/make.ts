// SPDX-License-Identifier: MIT
import {createWriteStream} from 'node:fs'
import {availableParallelism, freemem} from 'node:os'
import {finished} from 'node:stream/promises'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa} from 'execa'
import {Interrupted, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {findProgram} from '../../lib/programs.ts'

/** A linker or a big compilation unit may take this much; more jobs than fit would swap. */
const BYTES_PER_JOB = 1e9

export interface MakeOptions {
  readonly tree: string
  readonly objects: string
  /** Everything make says goes to the end of this file. */
  readonly log: string
  readonly environment: Readonly<Record<string, string>>
  readonly variables: readonly string[]
  readonly jobs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** For a target that asks; without, it finds the end of its input. */
  readonly input?: string
  readonly onLine?: (line: string) => void
}

/**
 * Run make in a process group of its own, and leave nobody of it behind: not after an abort, and not when we die.
 * Throws UserError (exit 69) with the first error of the build and the path of the log, and Interrupted.
 */
export async function make(targets: readonly string[], options: MakeOptions): Promise<void> {
  const {tree, objects, log, signal} = options
  if (signal?.aborted) throw interruption(signal)
  const jobs = options.jobs ?? defaultJobs()
  const child = execa(
    'setpriv',
    [
      ...['--pdeathsig', 'TERM', '--', 'nice', '-n', '10'],
      ...[
        'make',
        '-C',
        tree,
        `O=${objects}`,
        `-j${jobs}`,
        '--output-sync=target',
        ...options.variables,
        ...targets,
      ],
    ],
    {
      env: options.environment,
      extendEnv: false, // somebody's MAKEFLAGS or ARCH would build another kernel
      ...(options.input === undefined ? {stdin: 'ignore'} : {input: options.input}),
      all: true,
      buffer: false,
      reject: false,
      killDescendants: true,
      ...(signal === undefined ? {} : {cancelSignal: signal}),
    },
  )
  const file = createWriteStream(log, {flags: 'a', mode: 0o600})
  const errors = firstError()
  try {
    for await (const line of child.iterable({from: 'all'})) {
      file.write(`${line}\n`)
      errors.see(line)
      options.onLine?.(line)
    }
  } catch {
    // the result says what happened
  }
  const {failed, shortMessage} = (await child) as {failed: boolean; shortMessage?: string}
  if (child.pid !== undefined) await endGroup(child.pid)
  file.end()
  await finished(file)
  if (signal?.aborted) throw interruption(signal)
  if (failed)
    throw new UserError(
      `the kernel build failed: ${errors.first() ?? shortMessage ?? 'make gave no reason'}`,
      {
        exit: Exit.unsuitable,
        code: errors.full() ? 'no-space' : 'build-failed',
        help: errors.full()
          ? `free some space and start again: it goes on from there; the log: ${log}`
          : `the whole log: ${log}`,
      },
    )
}

function defaultJobs(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / BYTES_PER_JOB)))
}

function interruption(signal: AbortSignal): Error {
  return signal.reason instanceof UserError ? signal.reason : new Interrupted()
}

/** make has ended; what it started gets a moment to follow, and then no more choice. */
async function endGroup(pid: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(-pid, tries < 40 ? 0 : 'SIGKILL')
    } catch {
      return // nobody there
    }
    await sleep(50)
  }
}

/** Finds what broke first in the output of a parallel build: a diagnostic with a place, or else what make gave up on. */
export function firstError(): {
  see(line: string): void
  first(): string | undefined
  /** Whether a disk was full: then the compiler says what was cut off, and not why. */
  full(): boolean
} {
  let diagnostic: string | undefined
  let target: string | undefined
  let full: string | undefined
  return {
    see(line) {
      if (
        /^\S+?:\d+(?::\d+)?: (?:fatal )?error: |: undefined reference to |^(?:\S*ld|collect2|cc1|gcc): (?:fatal )?error: |^\*\*\* /.test(
          line,
        )
      )
        diagnostic ??= line.replace(/^(?:\.\.\/)+/, '').trim()
      if (/No space left on device/.test(line)) full ??= line.trim()
      const stopped = /^make(?:\[\d+\])?: \*\*\* (.*)/.exec(line)
      if (stopped) target ??= stopped[1]
    },
    first: () => full ?? diagnostic ?? target,
    full: () => full !== undefined,
  }
}

/**
 * The object of the kernel that a line of make's output says is being made, such as "kernel/fork.o"; undefined for other
 * lines, those of programs that run while building (scripts/, and tools/ with absolute paths) included.
 */
export function objectOf(line: string): string | undefined {
  return /^ {2}(?:CC|AS)(?: \[M\])? +(?!scripts\/)([^/\s]\S*\.o)$/.exec(line)?.[1]
}

/**
 * ccache where there is one, over a cache of our own: it makes the second build of a changed series minutes shorter. The
 * compiler of host programs is called the same: where these two differ, kbuild takes it for a cross build, and leaves
 * kernel-devel out (scripts/Makefile.package).
 */
export async function compilerVariables(): Promise<string[]> {
  return (await findProgram('ccache')) === undefined ? [] : ['CC=ccache gcc', 'HOSTCC=ccache gcc']
}

/** Stamps that do not tell who built it, where and when: the same input gives the same bytes. `date`: seconds since the epoch. */
export function buildEnvironment(ccacheFolder: string, date = 1_763_000_000): Record<string, string> {
  const inherited = ['PATH', 'HOME', 'TMPDIR', 'CCACHE_DISABLE'].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    ...Object.fromEntries(inherited),
    LC_ALL: 'C',
    KBUILD_BUILD_TIMESTAMP: `@${date}`,
    SOURCE_DATE_EPOCH: String(date), // of packages (reproducible-builds.org)
    KBUILD_BUILD_USER: 'isolctl',
    KBUILD_BUILD_HOST: 'isolctl',
    KBUILD_BUILD_VERSION: '1',
    LOCALVERSION: '', // set and empty: no "+" for a tree below somebody's git repository
    CCACHE_DIR: ccacheFolder,
    CCACHE_MAXSIZE: '4G',
  }
}
