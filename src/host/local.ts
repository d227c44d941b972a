// SPDX-License-Identifier: MIT
import {closeSync, openSync, readlinkSync, writeSync} from 'node:fs'
import {constants, mkdir, open, readFile, rename, rm, rmdir, stat} from 'node:fs/promises'
import {hostname} from 'node:os'
import {dirname} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {ExecaError, execa} from 'execa'
import {asset} from '../lib/assets.ts'
import {errnoOf} from '../lib/errors.ts'
import {freshBeside} from './fresh.ts'
import {type Helper, type Host, HostError, type Live, type RunOptions, type Thread} from './host.ts'
import {absent, rooted} from './rooted.ts'
import {trace} from './trace.ts'

/** The machine we run on. */
export function localHost(): Host & {readonly live: Live} {
  return {
    ...rooted('/', hostname()),
    ...{mode, link, bytes, set, writeFile, makeFolder, setAffinity, run, settle, live},
  }
}

async function mode(path: string): Promise<number | undefined> {
  return (await stat(path).catch(absent(path, undefined)))?.mode
}

async function bytes(path: string): Promise<Uint8Array | undefined> {
  return await readFile(path).catch(absent(path, undefined))
}

/** At once, as every reading (rooted.ts): a machine has thousands of open files. */
async function link(path: string): Promise<string | undefined> {
  try {
    return readlinkSync(path)
  } catch (cause) {
    return absent(path, undefined)(cause)
  }
}

/** At once, not through the thread pool: there are thousands of values, and the detour would be most of the time. */
async function set(path: string, value: string): Promise<void> {
  try {
    const file = openSync(path, 'r+') // never creates: a vanished path must be an error
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
 * Replace a file of ours in one step: new contents in a fresh file beside it, synced, renamed over it. Below /boot a boot
 * loader reads it, and replays no journal: there it is also brought out of the file system's journal.
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
          // Neither the umask nor our being root may change who can read it.
          if (old) await file.chown(old.uid, old.gid)
          await file.chmod(old ? old.mode & 0o7777 : 0o644)
          await file.sync()
          await rename(fresh, path)
          // FAT keeps where a file begins with its name, and writes that under a new name only with the file.
          await file.sync()
        } finally {
          await file.close()
        }
      } catch (error) {
        await rm(fresh, {force: true})
        throw error
      }
    }
    const folder = await open(dirname(path), 'r') // the new name must survive a power cut as well
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch (cause) {
    throw new HostError(errnoOf(cause) ?? 'EIO', path, 'cannot write', {cause})
  }
  if (path.startsWith('/boot/')) await settle(dirname(path))
}

const settle = (folder: string): Promise<void> => helper('isol-settle', [folder], folder, 'cannot settle')

/** A small program of ours that does what Node cannot, and tells the errno in its last line. */
async function helper(name: string, args: readonly string[], path: string, what: string): Promise<void> {
  const {exitCode, stderr} = await execa(asset(`libexec/${name}`), args, {
    env: {LC_ALL: 'C'},
    stdin: 'ignore',
    reject: false,
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

/** Node has no sched_setaffinity(2). */
const setAffinity = ({tid, start}: Thread, cpus: string): Promise<void> =>
  helper('isol-affinity', [`${tid}`, start, cpus], `/proc/${tid}`, 'cannot move')

/**
 * In a session of its own: a Ctrl-C asks us to stop after the change at hand, and must not cut that change in two. Throws
 * Error with the command, how it ended, and the last thing it complained about.
 */
async function run(
  [file, ...args]: readonly [string, ...string[]],
  {stdin, translated = false, answers = [0]}: RunOptions = {},
): Promise<{readonly stdout: string}> {
  try {
    const {stdout} = await execa(file, args, {
      env: translated ? {} : {LC_ALL: 'C'},
      ...(stdin === undefined ? {stdin: 'ignore' as const} : {input: stdin}),
      stripFinalNewline: false,
      detached: true,
    })
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
  }
}

const live: Live = {
  now: () => new Date().toISOString(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal ? {signal} : {}).catch((error: unknown) => {
      signal?.throwIfAborted() // with the reason it was given
      throw error
    })
  },
  start,
  stayOn: async (cpus) => {
    await run(['taskset', '-a', '-c', '-p', `${cpus}`, `${process.pid}`])
  },
  trace,
  kernelLog,
}

async function start([name, ...args]: readonly [string, ...string[]]): Promise<Helper> {
  const file = asset(`libexec/${name}`)
  const child = execa(file, args, {env: {LC_ALL: 'C'}, stdin: 'ignore', reject: false, cleanup: true})
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
      reject(new Error(stderr.trim() || why || `${name} ended without a word`))
    })
  })
  ready.catch(() => {}) // reported to whoever awaits it
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
      child.kill('SIGTERM') // and SIGKILL five seconds later, should it not end
      const {stdout, stderr, exitCode} = await child
      return {stdout, stderr, exitCode}
    },
  }
}

const KMSG = '/dev/kmsg'

/** Every read gives one record, "priority,sequence,time,flags;text" and further lines, until EAGAIN (Documentation/ABI/testing/dev-kmsg). */
async function kernelLog(): Promise<string> {
  const refuse = (cause: unknown) => {
    throw new HostError(errnoOf(cause) ?? 'EIO', KMSG, 'cannot read', {cause})
  }
  const file = await open(KMSG, constants.O_RDONLY | constants.O_NONBLOCK).catch(refuse)
  const record = Buffer.alloc(8192) // a shorter buffer than the record gives EINVAL; the kernel's limit is far below this
  const lines: string[] = []
  try {
    for (;;) {
      const length = await file.read(record, 0, record.length, null).then(
        ({bytesRead}) => bytesRead,
        (cause: unknown) =>
          errnoOf(cause) === 'EPIPE' ? undefined : errnoOf(cause) === 'EAGAIN' ? 0 : refuse(cause),
      )
      if (length === undefined) continue // overwritten while we read: the next read gives the oldest that is left
      if (length === 0) return lines.join('\n')
      const [head = ''] = record.toString('utf8', 0, length).split('\n')
      lines.push(head.slice(head.indexOf(';') + 1))
    }
  } finally {
    await file.close()
  }
}
