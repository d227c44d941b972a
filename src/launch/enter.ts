// SPDX-License-Identifier: MIT
import {UserError} from '../lib/errors.ts'

/**
 * How threads enter isolation: the program does it, or isolctl does it for threads that have
 * settled for `ms`.
 */
export type Enter = {readonly kind: 'app'} | {readonly kind: 'settle'; readonly ms: number}

const DEFAULT_SETTLE_MS = 100
const LONGEST_SETTLE_MS = 60_000

/** "app", "settle", "settle=250ms" or "settle=1s". Throws UserError. */
export function parseEnter(text: string): Enter {
  if (text === 'app') return {kind: 'app'}
  const match = /^settle(?:=(\d+)(ms|s))?$/.exec(text)
  if (!match) throw refusal(`not a way to enter: "${text}"`)
  const ms = match[1] === undefined ? DEFAULT_SETTLE_MS : Number(match[1]) * (match[2] === 's' ? 1000 : 1)
  if (ms < 1 || ms > LONGEST_SETTLE_MS)
    throw refusal(`a settle time of ${match[1]}${match[2]} is out of range`)
  return {kind: 'settle', ms}
}

const LONGEST_SETTLE_TIMEOUT_MS = 3_600_000

/** "500ms" or "10s": how long a thread that has settled waits for the rest. Throws UserError. */
export function parseSettleTimeout(text: string): number {
  const match = /^(\d+)(ms|s)$/.exec(text)
  const ms = match ? Number(match[1]) * (match[2] === 's' ? 1000 : 1) : 0
  if (ms >= 1 && ms <= LONGEST_SETTLE_TIMEOUT_MS) return ms
  throw new UserError(`not a settle timeout: "${text}"`, {help: 'give a time of 1ms to 3600s'})
}

const refusal = (message: string) =>
  new UserError(message, {help: 'give app, settle, or settle=TIME with 1ms to 60s'})
