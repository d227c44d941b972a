// SPDX-License-Identifier: MIT
import {Interrupted} from './errors.ts'

/**
 * Run `body` with a signal that aborts on SIGINT, SIGTERM or SIGHUP, so that long work can stop its children and leave
 * nothing half done. The first signal asks; Node's default handling returns for a second one.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = () => controller.abort(new Interrupted())
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.once(name, stop)
  try {
    return await body(controller.signal)
  } finally {
    for (const name of signals) process.removeListener(name, stop)
  }
}
