// SPDX-License-Identifier: MIT
import {mkdir, readdir, readFile, rmdir, writeFile} from 'node:fs/promises'
import {setTimeout as sleep} from 'node:timers/promises'
import {errnoOf} from '../lib/errors.ts'
import {HostError, type TraceRequest} from './host.ts'

const TRACEFS = '/sys/kernel/tracing'
const OURS = /^isolctl-(\d+)$/
/** Memory for the trace buffers of all CPUs together. */
const BUFFERS_KB = 32 * 1024

/**
 * Trace in an instance of tracefs (Documentation/trace/ftrace.rst, "Instances"), so that the
 * tracing of others is not affected, and remove the instance afterwards, also after an error.
 * Events that this kernel does not have are skipped. Throws HostError.
 */
export async function trace({events, cpus}: TraceRequest, during: () => Promise<void>): Promise<string> {
  await removeAbandoned()
  const instance = `${TRACEFS}/instances/isolctl-${process.pid}`
  await attempt(instance, 'cannot trace in', () => mkdir(instance))
  const set = (file: string, text: string) =>
    attempt(`${instance}/${file}`, 'cannot write', () => writeFile(`${instance}/${file}`, text))
  try {
    await set('tracing_on', '0')
    await set('buffer_size_kb', String(Math.max(64, Math.min(1024, Math.floor(BUFFERS_KB / cpus)))))
    for (const {name, filter, stack} of events) {
      try {
        if (filter !== undefined) await set(`events/${name}/filter`, filter)
        if (stack)
          await set(`events/${name}/trigger`, filter === undefined ? 'stacktrace' : `stacktrace if ${filter}`)
        await set(`events/${name}/enable`, '1')
      } catch (error) {
        const code = (error as HostError).code
        // The kernel lacks the event, or the event lacks the field.
        if (code !== 'ENOENT' && code !== 'EINVAL') throw error
      }
    }
    await set('tracing_on', '1')
    await during()
    await set('tracing_on', '0')
    return await attempt(`${instance}/trace`, 'cannot read', () => readFile(`${instance}/trace`, 'utf8'))
  } finally {
    await remove(instance)
  }
}

/** Remove the instances of runs that were killed: their process no longer exists. */
async function removeAbandoned(): Promise<void> {
  const names = await readdir(`${TRACEFS}/instances`).catch(() => [])
  for (const name of names) {
    const pid = Number(OURS.exec(name)?.[1] ?? 0)
    if (pid > 0 && pid !== process.pid && !isAlive(pid)) await remove(`${TRACEFS}/instances/${name}`)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}

/** Events must be disabled first: an instance in use cannot be removed. */
async function remove(instance: string): Promise<void> {
  await writeFile(`${instance}/events/enable`, '0').catch(() => {})
  for (let tries = 0; ; tries++) {
    try {
      await rmdir(instance)
      return
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return
      if (errnoOf(error) !== 'EBUSY' || tries === 20)
        throw new HostError(errnoOf(error) ?? 'EIO', instance, 'cannot remove', {cause: error})
      await sleep(50)
    }
  }
}

async function attempt<T>(path: string, what: string, effect: () => Promise<T>): Promise<T> {
  try {
    return await effect()
  } catch (cause) {
    throw new HostError(errnoOf(cause) ?? 'EIO', path, what, {cause})
  }
}
