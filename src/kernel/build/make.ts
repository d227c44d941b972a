// SPDX-License-Identifier: MIT
import {createWriteStream} from 'node:fs'
import {availableParallelism, freemem} from 'node:os'
import {finished} from 'node:stream/promises'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa} from 'execa'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {interruption} from '../../lib/interrupt.ts'
import {findProgram} from '../../lib/programs.ts'

/**
 * What the linker or a big compilation unit takes. More jobs than fit into the memory would swap.
 */
const BYTES_PER_JOB = 1e9

export interface MakeOptions {
  readonly tree: string
  readonly objects: string
  /** The output of make is appended to this file. */
  readonly log: string
  readonly environment: Readonly<Record<string, string>>
  readonly variables: readonly string[]
  readonly jobs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** The stdin of a target that asks questions; empty if absent. */
  readonly input?: string
  readonly onLine?: (line: string) => void
}

/**
 * Run make in its own process group. No process of it remains after an abort, or after this process
 * dies. Throws UserError (exit 69) with the first error of the build and the path of the log;
 * Interrupted.
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
      extendEnv: false, // MAKEFLAGS or ARCH of the caller would change the kernel
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
    // the result of the child has the reason
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
          ? `free some space and run the same command again: it goes on where it stopped; the log: ${log}`
          : `the complete log: ${log}`,
      },
    )
}

function defaultJobs(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / BYTES_PER_JOB)))
}

/** Wait two seconds for the processes that make started, then kill them. */
async function endGroup(pid: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(-pid, tries < 40 ? 0 : 'SIGKILL')
    } catch {
      return // the group is empty
    }
    await sleep(50)
  }
}

/**
 * Finds the first error in the output of a parallel build: a diagnostic with a file and a line, or
 * else the target at which make stopped.
 */
export function firstError(): {
  see(line: string): void
  first(): string | undefined
  /** Whether the disk was full. The compiler then reports a syntax error at the end of the file. */
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
 * The object of the kernel in a line of make's output, such as "kernel/fork.o". Undefined for other
 * lines, and for programs that run while building (scripts/, and tools/ with absolute paths). Pure.
 */
export function objectOf(line: string): string | undefined {
  return /^ {2}(?:CC|AS)(?: \[M\])? +(?!scripts\/)([^/\s]\S*\.o)$/.exec(line)?.[1]
}

/**
 * ccache, if it is installed, with a cache of our own: the second build of a changed series is
 * minutes shorter. HOSTCC is the same as CC: if they differ, kbuild takes the build for a cross
 * build, and makes no kernel-devel (scripts/Makefile.package).
 */
export async function compilerVariables(): Promise<string[]> {
  return (await findProgram('ccache')) === undefined ? [] : ['CC=ccache gcc', 'HOSTCC=ccache gcc']
}

/**
 * The environment of make. The stamps are independent of the user, the machine and the time, so
 * that the same input gives the same bytes. `date`: of the source, in seconds since the epoch.
 */
export function buildEnvironment(ccacheFolder: string, date: number): Record<string, string> {
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
    LOCALVERSION: '', // if set and empty, kbuild adds no "+" for a tree below a git repository
    CCACHE_DIR: ccacheFolder,
    CCACHE_MAXSIZE: '4G',
  }
}
