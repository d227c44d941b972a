// SPDX-License-Identifier: MIT
import {UserError} from '../lib/errors.ts'
import {parseSignal} from '../lib/signals.ts'

/** What happens to a thread that loses isolation. */
export type OnBreak =
  | {readonly kind: 'kill'}
  | {readonly kind: 'report'}
  | {readonly kind: 'rearm'}
  | {readonly kind: 'signal'; readonly number: number}

/**
 * Flag bits of the ABI (include/uapi/linux/prctl.h of a patched kernel); bits 8-14 hold the signal,
 * 0 means SIGKILL.
 */
const ENABLE = 1
const USERSIG = 2

/**
 * Parse "kill", "report", "rearm", or "signal=SIGUSR1" (with or without SIG, or a number). Throws
 * UserError. Pure.
 */
export function parseOnBreak(text: string): OnBreak {
  if (text === 'kill' || text === 'report' || text === 'rearm') return {kind: text}
  const name = /^signal=(.+)$/.exec(text)?.[1]
  const number = name === undefined ? undefined : parseSignal(name)
  if (number === undefined)
    throw new UserError(
      name === undefined ? `not a break action: "${text}"` : `there is no signal "${name}"`,
      {help: 'give kill, report, rearm, or signal=NAME, for example signal=SIGUSR1'},
    )
  return {kind: 'signal', number}
}

/** The bits 16-23 of the ABI hold this number of seconds. */
const LONGEST_GRACE_S = 255
const DEFAULT_GRACE_S = 5

/**
 * How long a thread that entered the kernel by its own doing has to end, in whole seconds; 0: it is
 * judged at once, as without `text`. "0", "5s". Only for an action that sends a signal: the others
 * let the program continue. Throws UserError. Pure.
 */
export function endGrace(text: string | undefined, action: OnBreak): number {
  if (text === undefined) return action.kind === 'kill' ? DEFAULT_GRACE_S : 0
  const seconds = Number(/^(?:(\d{1,3})s|0)$/.exec(text)?.[1] ?? (text === '0' ? 0 : Number.NaN))
  if (!(seconds <= LONGEST_GRACE_S))
    throw new UserError(`not a grace: "${text}"`, {help: `give 0, or 1s to ${LONGEST_GRACE_S}s`})
  if (seconds > 0 && action.kind !== 'kill' && action.kind !== 'signal')
    throw new UserError(`--end-grace has no effect with --on-break ${action.kind}`, {
      help: 'leave it out: nothing is sent on a break',
    })
  return seconds
}

/** The second argument of prctl(PR_TASK_ISOLATION). Pure. */
export function isolationFlags(action: OnBreak): number {
  switch (action.kind) {
    case 'kill':
      return ENABLE
    case 'report':
    case 'rearm': // the thread continues until it has settled again
      return ENABLE | USERSIG
    case 'signal':
      return ENABLE | (action.number << 8)
  }
}
