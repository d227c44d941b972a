// SPDX-License-Identifier: MIT
import {once} from 'node:events'
import {closeSync, openSync, readlinkSync, writeSync} from 'node:fs'
import {constants, mkdir, open, rename, rm, rmdir, stat} from 'node:fs/promises'
import {hostname} from 'node:os'
import {dirname} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {ExecaError, execa} from 'execa'
import {asset} from '../lib/assets.ts'
import {errnoOf, Interrupted} from '../lib/errors.ts'
import {bytesOfRegular} from '../lib/files.ts'
import {cleanEnvironment} from '../lib/programs.ts'
import {freshBeside} from './fresh.ts'
import {
  type CommandOptions,
  type Helper,
  type Host,
  HostError,
  type Live,
  type Patience,
  type Thread,
} from './host.ts'
import {absent, rooted} from './rooted.ts'
import {trace} from './trace.ts'

/** The machine that isolctl runs on. */
export function localHost(): Host & {readonly live: Live} {
  return {
    ...rooted('/', hostname()),
    ...{mode, link, bytes, owned, set, writeFile, makeFolder, setAffinity, run, checkpoint, live},
  }
}

async function mode(path: string): Promise<number | undefined> {
  return (await stat(path).catch(absent(path, undefined)))?.mode
}

async function bytes(path: string): Promise<Uint8Array | undefined> {
  return await bytesOfRegular(path).catch(absent(path, undefined))
}

async function owned(path: string): Promise<{bytes: Uint8Array; owner: number} | undefined> {
  let owner = Number.NaN
  const check = ({uid}: {uid: number}) => {
    owner = uid
  }
  const found = await bytesOfRegular(path, {check}).catch(absent(path, undefined))
  return found && {bytes: found, owner}
}

/** Synchronous, as all reads (rooted.ts): a machine has thousands of open files. */
async function link(path: string): Promise<string | undefined> {
  try {
    return readlinkSync(path)
  } catch (cause) {
    return absent(path, undefined)(cause)
  }
}

/**
 * Synchronous, not through the thread pool: there are thousands of values, and the thread pool
 * would take most of the time.
 */
async function set(path: string, value: string): Promise<void> {
  try {
    // Never creates the file: a path that is gone must be an error.
    const file = openSync(path, 'r+')
    try {
      writeSync(file, value || '\n') // one write(2): the kernel takes a value whole or not at all
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    throw new HostError(errnoOf(cause) ?? 'EIO', path, 'cannot write', {cause})
  }
}

/**
 * Replace a file in one step: write the new contents to a temporary file beside it, sync it, rename
 * it over the old one. A boot loader reads files below /boot and does not replay the journal of the
 * file system, so there the file is also flushed out of the journal.
 */
async function writeFile(path: string, text: string | null): Promise<void> {
  try {
    if (text === null) {
      await rm(path, {force: true})
    } else {
      const fresh = freshBeside(path)
      try {
        const old = await stat(path).catch(absent(path, undefined))
        const file = await open(fresh, 'wx', 0o600)
        try {
          await file.writeFile(text)
          // The owner and the mode stay, independent of the umask and of our uid.
          if (old) await file.chown(old.uid, old.gid)
          await file.chmod(old ? old.mode & 0o7777 : 0o644)
          await file.sync()
          await rename(fresh, path)
          // FAT stores the first cluster in the directory entry, and writes the renamed entry only
          // when the file is synced.
          await file.sync()
        } finally {
          await file.close()
        }
      } catch (error) {
        await rm(fresh, {force: true})
        throw error
      }
    }
    const folder = await open(dirname(path), 'r') // so that the new name survives a power cut
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch (cause) {
    throw new HostError(errnoOf(cause) ?? 'EIO', path, 'cannot write', {cause})
  }
  if (path.startsWith('/boot/')) await checkpoint(dirname(path))
}

const checkpoint = (folder: string): Promise<void> =>
  helper('isol-checkpoint', [folder], folder, 'cannot write the journal out')

/**
 * Run a small C program that makes a system call which Node.js lacks, and that prints the errno in
 * its last line.
 */
async function helper(name: string, args: readonly string[], path: string, what: string): Promise<void> {
  const {exitCode, stderr} = await execa(asset(`libexec/${name}`), args, {
    env: cleanEnvironment(),
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    detached: true,
  })
  if (exitCode === 0) return
  throw new HostError(/^E[A-Z0-9]+$/.exec(stderr.trim())?.[0] ?? 'EIO', path, what)
}

async function makeFolder(path: string, there: boolean): Promise<void> {
  try {
    await (there ? mkdir(path, {mode: 0o755}) : rmdir(path))
  } catch (cause) {
    const code = errnoOf(cause) ?? 'EIO'
    if (code === (there ? 'EEXIST' : 'ENOENT')) return
    throw new HostError(code, path, there ? 'cannot make' : 'cannot remove', {cause})
  }
}

/** Node.js has no sched_setaffinity(2). */
const setAffinity = ({tid, start}: Thread, cpus: string): Promise<void> =>
  helper('isol-affinity', [`${tid}`, start, cpus], `/proc/${tid}`, 'cannot move')

/**
 * Run a program in a session of its own, because a Ctrl-C must not interrupt the current change:
 * isolctl stops after it. Throws Error with the command, its exit status or signal, and its last
 * line on stderr; Interrupted when `patience` ended it.
 */
async function run(
  [file, ...args]: readonly [string, ...string[]],
  {stdin, translated = false, answers = [0], patience}: CommandOptions = {},
): Promise<{readonly stdout: string}> {
  const over = new AbortController()
  try {
    const child = execa(file, args, {
      env: cleanEnvironment({translated}),
      extendEnv: false,
      ...(stdin === undefined ? {stdin: 'ignore' as const} : {input: stdin}),
      stripFinalNewline: false,
      detached: true,
    })
    const {stdout} = await (patience
      ? Promise.race([child, endLate(child.pid, [file, ...args].join(' '), patience, over.signal)])
      : child)
    return {stdout}
  } catch (cause) {
    if (!(cause instanceof ExecaError)) throw cause
    if (cause.exitCode !== undefined && answers.includes(cause.exitCode))
      return {stdout: String(cause.stdout ?? '')}
    const complaint = String(cause.stderr ?? '')
      .trim()
      .split('\n')
      .at(-1)
    const end = cause.signal ? `killed by ${cause.signal}` : `exit status ${cause.exitCode}`
    const parts = [[file, ...args].join(' '), cause.code === 'ENOENT' ? 'not installed' : end, complaint]
    throw new Error(parts.filter(Boolean).join(': '), {cause})
  } finally {
    over.abort()
  }
}

/** From SIGTERM to SIGKILL. */
const KILL_AFTER_MS = 5000

/**
 * When the patience is over, end the processes of a session that run() started. Throws Interrupted
 * then: a process that left the session may keep the pipes of the command open for ever. Rejects when
 * `over` aborts, because the command has ended.
 */
async function endLate(
  session: number | undefined,
  command: string,
  {signal, graceMs}: Patience,
  over: AbortSignal,
): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort', {signal: over})
  await sleep(graceMs, undefined, {signal: over})
  signalSession(session, 'SIGTERM')
  await sleep(KILL_AFTER_MS, undefined, {signal: over})
  signalSession(session, 'SIGKILL')
  throw new Interrupted(`interrupted: ${command} hung, and was killed`)
}

function signalSession(session: number | undefined, name: NodeJS.Signals): void {
  try {
    if (session !== undefined) process.kill(-session, name)
  } catch {
    // it has ended
  }
}

/**
 * The longest timer of Node.js, 24.8 days. It fires a longer one after 1 ms, and prints a warning
 * only.
 */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Waits at least this time, by the monotonic clock: a timer may fire a millisecond early. */
async function sleepFor(ms: number, signal?: AbortSignal): Promise<void> {
  const end = performance.now() + ms
  for (let rest = ms; rest > 0; rest = end - performance.now())
    await sleep(Math.min(Math.ceil(rest), LONGEST_TIMER_MS), undefined, signal ? {signal} : {}).catch(
      (error: unknown) => {
        signal?.throwIfAborted() // with the reason from the caller
        throw error
      },
    )
}

const live: Live = {
  now: () => new Date().toISOString(),
  monotonicMs: () => performance.now(),
  sleep: sleepFor,
  start,
  poke,
  stayOn: async (cpus) => {
    await run(['taskset', '-a', '-c', '-p', `${cpus}`, `${process.pid}`])
  },
  trace,
  kernelLog,
}

async function poke(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  try {
    const file = openSync(path, 'r+')
    try {
      writeSync(file, bytes, 0, bytes.length, offset)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    throw new HostError(errnoOf(cause) ?? 'EIO', path, 'cannot write', {cause})
  }
}

async function start([name, ...args]: readonly [string, ...string[]]): Promise<Helper> {
  const file = asset(`libexec/${name}`)
  const child = execa(file, args, {
    env: cleanEnvironment(),
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    cleanup: true,
  })
  const process = child.nodeChildProcess
  const ready = new Promise<string>((resolve, reject) => {
    let text = ''
    process.stdout?.on('data', (chunk) => {
      text += chunk
      const end = text.indexOf('\n')
      if (end !== -1) resolve(text.slice(0, end))
    })
    void child.then(({stderr, failed, ...result}) => {
      const why = failed && 'shortMessage' in result ? String(result.shortMessage) : ''
      reject(new Error(stderr.trim() || why || `${name} ended without printing anything`))
    })
  })
  ready.catch(() => {}) // reported where it is awaited
  await new Promise<void>((resolve, reject) => {
    process.once('spawn', resolve)
    process.once('error', (cause: Error) =>
      reject(new HostError(errnoOf(cause) ?? 'EIO', file, 'cannot start', {cause})),
    )
  })
  return {
    pid: child.pid ?? -1,
    ready,
    async stop() {
      child.kill('SIGTERM') // execa sends SIGKILL five seconds later if it has not ended
      const {stdout, stderr, exitCode} = await child
      return {stdout, stderr, exitCode}
    },
  }
}

const KMSG = '/dev/kmsg'

/**
 * Each read returns one record, "priority,sequence,time,flags;text" and further lines, until EAGAIN
 * (Documentation/ABI/testing/dev-kmsg).
 */
async function kernelLog(): Promise<string> {
  const refuse = (cause: unknown) => {
    throw new HostError(errnoOf(cause) ?? 'EIO', KMSG, 'cannot read', {cause})
  }
  const file = await open(KMSG, constants.O_RDONLY | constants.O_NONBLOCK).catch(refuse)
  // A buffer shorter than the record gives EINVAL; the kernel's limit is far below this size.
  const record = Buffer.alloc(8192)
  const lines: string[] = []
  try {
    for (;;) {
      const length = await file.read(record, 0, record.length, null).then(
        ({bytesRead}) => bytesRead,
        (cause: unknown) =>
          errnoOf(cause) === 'EPIPE' ? undefined : errnoOf(cause) === 'EAGAIN' ? 0 : refuse(cause),
      )
      // Overwritten meanwhile: the next read returns the oldest record left.
      if (length === undefined) continue
      if (length === 0) return lines.join('\n')
      const [head = ''] = record.toString('utf8', 0, length).split('\n')
      lines.push(head.slice(head.indexOf(';') + 1))
    }
  } finally {
    await file.close()
  }
}
