// SPDX-License-Identifier: MIT
import {open, rename, rm, stat} from 'node:fs/promises'
import {hostname} from 'node:os'
import {dirname, join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa} from 'execa'
import {errnoOf} from '../lib/errors.ts'
import {type Helper, type Host, HostError, type Live} from './host.ts'
import {absent, rooted} from './rooted.ts'

/** The machine we run on. */
export function localHost(): Host & {readonly live: Live} {
  return {...rooted('/', hostname()), mode, set, writeFile, run, live}
}

async function mode(path: string): Promise<number | undefined> {
  return (await stat(path).catch(absent(path, undefined)))?.mode
}

async function set(path: string, value: string): Promise<void> {
  try {
    const file = await open(path, 'r+') // never creates: a vanished path must be an error
    try {
      await file.write(value) // one write(2): the kernel takes a value whole or not at all
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new HostError(errnoOf(cause) ?? 'EIO', path, 'cannot write', {cause})
  }
}

/** Replace a file of ours in one step: new contents in a fresh file beside it, synced, renamed over it. */
async function writeFile(path: string, text: string | null): Promise<void> {
  try {
    if (text === null) {
      await rm(path, {force: true})
    } else {
      const fresh = join(dirname(path), `.isolctl-${crypto.randomUUID()}`)
      try {
        const file = await open(fresh, 'wx', 0o644)
        try {
          await file.writeFile(text)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(fresh, path)
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
}

async function run([file, ...args]: readonly [string, ...string[]]): Promise<{readonly stdout: string}> {
  const {stdout} = await execa(file, args, {env: {LC_ALL: 'C'}, stdin: 'ignore'})
  return {stdout}
}

const live: Live = {
  now: () => new Date().toISOString(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal ? {signal} : {})
  },
  start,
}

async function start([file, ...args]: readonly [string, ...string[]]): Promise<Helper> {
  const child = execa(file, args, {env: {LC_ALL: 'C'}, stdin: 'ignore', reject: false, cleanup: true})
  const ready = (async () => {
    for await (const line of child) return line
    const {stderr, shortMessage} = (await child) as {stderr: string; shortMessage?: string}
    throw new Error(stderr.trim() || shortMessage || `${file} ended without a word`)
  })()
  ready.catch(() => {}) // reported to whoever awaits it
  await new Promise<void>((resolve, reject) => {
    child.nodeChildProcess.once('spawn', resolve)
    child.nodeChildProcess.once('error', (cause: Error) =>
      reject(new HostError(errnoOf(cause) ?? 'EIO', file, 'cannot start', {cause})),
    )
  })
  return {
    pid: child.pid ?? -1,
    ready,
    async stop() {
      child.kill('SIGTERM')
      const {stdout, stderr, exitCode} = await child
      return {stdout, stderr, exitCode}
    },
  }
}
