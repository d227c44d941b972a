// SPDX-License-Identifier: MIT
import {constants} from 'node:fs'
import {access, open, realpath, stat} from 'node:fs/promises'
import {basename, join} from 'node:path'
import {type Elf, readElf} from './elf.ts'

/** What is known of a program before it runs. */
export interface Program {
  /** The file, without its folder, links followed: "python3.11". */
  readonly name: string
  /** Libraries that it names itself or that LD_PRELOAD gives it, without their folders. */
  readonly libraries: readonly string[]
  readonly interpreter: string | undefined
  /** See Elf. */
  readonly notes: readonly string[]
}

/** A language runtime or an allocator, and the environment with which its threads stay in user space. */
export interface Hint {
  readonly id: string
  readonly what: string
  readonly fits: (program: Program) => boolean
  /** Values of variables. `{cpus}` is the number of launch CPUs, `{threads}` 3 more. */
  readonly environment: Readonly<Record<string, string>>
  /** What no variable can do. */
  readonly caveat?: string
}

const uses = (library: RegExp) => (program: Program) => program.libraries.some((name) => library.test(name))
const isJemalloc = uses(/^libjemalloc\.so/)
const isTcmalloc = uses(/^libtcmalloc(_minimal)?\.so/)
const isGo = (program: Program) => program.notes.includes('Go')

/** The first of each list that fits is taken. docs/launch.md has both as tables, with what was measured. */
export const ALLOCATORS: readonly Hint[] = [
  {
    id: 'jemalloc',
    what: 'jemalloc',
    fits: isJemalloc,
    environment: {
      MALLOC_CONF:
        'dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0,lg_extent_max_active_fit:30,narenas:64',
    },
  },
  {
    id: 'tcmalloc',
    what: 'tcmalloc',
    fits: isTcmalloc,
    environment: {TCMALLOC_RELEASE_RATE: '0', TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES: '1073741824'},
    caveat: 'allocations above 256 KiB share a lock, for which a thread may sleep (futex)',
  },
  {
    id: 'glibc',
    what: 'malloc of glibc',
    fits: ({interpreter, ...program}) =>
      /\/ld-linux[^/]*$/.test(interpreter ?? '') && !isGo({interpreter, ...program}),
    environment: {
      GLIBC_TUNABLES:
        'glibc.malloc.top_pad=67108864:glibc.malloc.trim_threshold=4294967296:glibc.malloc.mmap_max=0',
    },
  },
]

export const RUNTIMES: readonly Hint[] = [
  {
    id: 'go',
    what: 'a Go program',
    fits: isGo,
    environment: {GODEBUG: 'asyncpreemptoff=1', GOGC: 'off', GOMAXPROCS: '{threads}'},
    caveat:
      'without garbage collection its memory grows: a worker calls runtime.LockOSThread() and allocates nothing in its loop',
  },
  {
    id: 'java',
    what: 'a Java VM',
    fits: ({name, libraries}) => name === 'java' || libraries.includes('libjli.so'),
    environment: {
      JAVA_TOOL_OPTIONS:
        '-XX:+UnlockExperimentalVMOptions -XX:+UnlockDiagnosticVMOptions -XX:+UseEpsilonGC -XX:GuaranteedSafepointInterval=0 -XX:-UsePerfData',
    },
    caveat: 'without garbage collection its memory grows, up to -Xmx',
  },
  {
    id: 'openmp',
    what: 'an OpenMP program',
    fits: uses(/^lib(gomp|omp|iomp5)\.so/),
    environment: {
      OMP_NUM_THREADS: '{cpus}',
      OMP_PROC_BIND: 'false',
      OMP_WAIT_POLICY: 'active',
      KMP_BLOCKTIME: 'infinite',
      KMP_USE_YIELD: '0',
    },
    caveat:
      "the barrier of libgomp wakes the others by a system call (futex) each time; LLVM's libomp does not: LD_PRELOAD=libomp.so.5",
  },
]

/** The variables for one launch, and what is to be said of them. */
export interface Hinted {
  readonly environment: Readonly<Record<string, string>>
  readonly notes: readonly string[]
}

/**
 * The environment that a program gets by `--runtime-hints`. A variable that the caller has set stays
 * as it is, and a note says so. Pure.
 */
export function hintsFor(program: Program, cpus: number, present: NodeJS.ProcessEnv): Hinted {
  const hints = [ALLOCATORS, RUNTIMES].flatMap((list) => list.find(({fits}) => fits(program)) ?? [])
  const environment: Record<string, string> = {}
  const notes: string[] = []
  for (const {what, environment: wanted, caveat} of hints) {
    const entries = Object.entries(wanted).map(
      ([name, value]) =>
        [name, value.replace('{cpus}', `${cpus}`).replace('{threads}', `${cpus + 3}`)] as const,
    )
    const free = entries.filter(([name]) => present[name] === undefined)
    const kept = entries.filter(([name, value]) => present[name] !== undefined && present[name] !== value)
    Object.assign(environment, Object.fromEntries(free))
    const words = (list: typeof entries) => list.map(([name, value]) => `${name}=${value}`).join(' ')
    if (free.length > 0) notes.push(`${what}: ${words(free)}`)
    if (kept.length > 0)
      notes.push(
        `${what}: ${kept.map(([name]) => name).join(' and ')} stays as you set it, instead of ${words(kept)}`,
      )
    if (caveat !== undefined) notes.push(`${what}: ${caveat}`)
  }
  if (hints.length === 0) notes.push('no runtime or allocator is recognized that has settings for isolation')
  return {environment, notes}
}

/**
 * What the file of a program shows. A script is followed to its interpreter, so many times. Undefined:
 * it was not found, or cannot be read; isol-exec says so.
 */
export async function lookAtProgram(
  command: string,
  env: NodeJS.ProcessEnv,
  scripts = 1,
): Promise<Program | undefined> {
  const path = await findProgram(command, env['PATH'])
  const look = path === undefined ? undefined : await lookAtFile(path)
  if (path === undefined || look === undefined) return undefined
  if ('script' in look) {
    const [interpreter = '', ...words] = look.script.trim().split(/\s+/)
    const next = basename(interpreter) === 'env' ? programOfEnv(words) : interpreter
    return scripts > 0 ? await lookAtProgram(next, env, scripts - 1) : undefined
  }
  const preloaded = (env['LD_PRELOAD'] ?? '').split(/[\s:]+/).filter(Boolean)
  return {
    name: basename(path),
    libraries: [...preloaded, ...look.elf.needed].map((library) => basename(library)),
    interpreter: look.elf.interpreter,
    notes: look.elf.notes,
  }
}

/** The program that `env` runs: behind its options, as -S, and its variables. */
const programOfEnv = (words: readonly string[]): string =>
  words.map((word) => word.replace(/^-S(?=.)/, '')).find((word) => !/^-|=/.test(word)) ?? ''

/** By the rules of execvp(3), which passes over what is no file that may be executed; links followed. */
async function findProgram(command: string, path = '/bin:/usr/bin'): Promise<string | undefined> {
  if (command === '') return undefined
  for (const folder of command.includes('/') ? [''] : path.split(':')) {
    const path = command.includes('/') ? command : join(folder || '.', command)
    if (await isExecutable(path)) return await realpath(path).catch(() => undefined)
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

async function lookAtFile(path: string): Promise<{elf: Elf} | {script: string} | undefined> {
  // A FIFO in its place would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const read = async (offset: number, length: number) => {
      const {buffer, bytesRead} = await file.read(Buffer.alloc(length), 0, length, offset)
      return buffer.subarray(0, bytesRead)
    }
    const start = await read(0, 256)
    if (start.toString('latin1', 0, 2) === '#!')
      return {script: start.toString('utf8', 2).split('\n')[0] ?? ''}
    const elf = await readElf(read)
    return elf && {elf}
  } catch {
    return undefined // a folder, or a device
  } finally {
    await file.close()
  }
}
