// SPDX-License-Identifier: MIT
import {Interrupted} from './errors.ts'

/**
 * Run `body` with a signal that aborts on SIGINT, SIGTERM or SIGHUP, so that long work can stop its children and leave
 * nothing half done. The first signal asks; a second one ends us as it would have without us.
 *
 * The listeners stay until the body is done: execa looks, at the signal, whether anybody but itself listens, and ends the
 * process at once if not. `process.once` is gone by then.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const listen = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      controller.abort(new Interrupted())
      return
    }
    for (const each of signals) process.removeListener(each, listen)
    process.kill(process.pid, name)
  }
  for (const name of signals) process.on(name, listen)
  try {
    return await body(controller.signal)
  } finally {
    for (const name of signals) process.removeListener(name, listen)
  }
}
