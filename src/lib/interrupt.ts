// SPDX-License-Identifier: MIT
import {Interrupted, UserError} from './errors.ts'

/**
 * Run `body` with a signal that aborts on SIGINT, SIGTERM or SIGHUP, so that long work can stop its
 * children and clean up. The first signal aborts. SIGINT or SIGTERM for the second time has its
 * default action and ends the process. SIGHUP never does: when a connection drops, the kernel, the
 * shell and systemd send SIGHUP and SIGTERM together, and the clean-up must not be cut short.
 * `outliveHangUp`: work that needs nobody, and that is better finished than left, ignores SIGHUP.
 *
 * The listeners stay until `body` has finished, which `process.once` would not do: on a signal,
 * execa checks whether another listener exists, and ends the process at once if there is none.
 */
export async function interruptible<T>(
  body: (signal: AbortSignal) => Promise<T>,
  {outliveHangUp = false}: {readonly outliveHangUp?: boolean} = {},
): Promise<T> {
  const controller = new AbortController()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const seen = new Set<NodeJS.Signals>()
  const listen = (name: NodeJS.Signals) => {
    if (outliveHangUp && name === 'SIGHUP') return
    if (!controller.signal.aborted) controller.abort(new Interrupted())
    if (name === 'SIGHUP' || !seen.has(name)) {
      seen.add(name)
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

/** The error that an aborted signal stands for: its reason, or Interrupted if that is not for the user. Pure. */
export function interruption(signal: AbortSignal | undefined): UserError {
  return signal?.reason instanceof UserError ? signal.reason : new Interrupted()
}
