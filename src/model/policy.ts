// SPDX-License-Identifier: MIT
import {UserError} from '../lib/errors.ts'

/**
 * The scheduling policy of isolated programs. It decides what keeps the tick running (fair server,
 * RT throttling).
 */
export type Policy = {readonly kind: 'other'} | {readonly kind: 'fifo'; readonly priority: number}

/** Parse "other" or "fifo:PRIO" with PRIO 1-99 (sched(7)). Throws UserError. Pure. */
export function parsePolicy(text: string): Policy {
  if (text === 'other') return {kind: 'other'}
  const priority = Number(/^fifo:(\d{1,2})$/.exec(text)?.[1] ?? 0)
  if (priority < 1)
    throw new UserError(`not a policy: "${text}"`, {help: 'a policy is "other" or "fifo:1" to "fifo:99"'})
  return {kind: 'fifo', priority}
}

export function formatPolicy(policy: Policy): string {
  return policy.kind === 'other' ? 'other' : `fifo:${policy.priority}`
}
