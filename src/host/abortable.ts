// SPDX-License-Identifier: MIT
import type {Host, HostView} from './host.ts'

/**
 * The same machine, on which every wait rejects when `signal` aborts, so that no result comes from
 * a shortened wait.
 */
export function abortable(host: HostView, signal: AbortSignal): HostView {
  const {live} = host
  if (!live) return host
  return {...host, live: {...live, sleep: (ms, also = signal) => live.sleep(ms, also)}}
}

/** Longer than a command of a sound machine takes, except those that give a time of their own, and shorter than init waits at a shutdown (90 s). */
const GRACE_MS = 20_000

/**
 * The same machine, whose commands end some time after `signal` aborts: the work that is interrupted
 * lets its current command finish, but does not wait for one that hangs. This holds for the commands
 * that undo the work, too.
 */
export function impatient<T extends Host>(host: T, signal: AbortSignal, graceMs = GRACE_MS): T {
  return {
    ...host,
    run: (argv, options) =>
      host.run(argv, {patience: {signal, graceMs: options?.graceMs ?? graceMs}, ...options}),
  }
}

/**
 * The same machine, on which nothing more is changed when `signal` has aborted: each further effect
 * rejects with the reason. For work that can be repeated, and that nothing undoes.
 */
export function stoppable<T extends Host>(host: T, signal: AbortSignal): T {
  const unlessAborted =
    <A extends readonly unknown[], R>(effect: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      signal.throwIfAborted()
      return await effect(...args)
    }
  return {
    ...host,
    set: unlessAborted(host.set),
    writeFile: unlessAborted(host.writeFile),
    makeFolder: unlessAborted(host.makeFolder),
    setAffinity: unlessAborted(host.setAffinity),
    run: unlessAborted(host.run),
    checkpoint: unlessAborted(host.checkpoint),
  }
}
