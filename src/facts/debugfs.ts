// SPDX-License-Identifier: MIT
import {defineFact, mayRead, mustRead} from './fact.ts'

export const LOCKDOWN = '/sys/kernel/security/lockdown'

/**
 * "none", "integrity" or "confidentiality": the word in brackets (security/lockdown/lockdown.c);
 * undefined without the LSM.
 */
export const lockdown = defineFact<string | undefined>('lockdown', async (host) => {
  const text = await mayRead(host, LOCKDOWN)
  return text === undefined ? undefined : /\[(\w+)\]/.exec(text)?.[1]
})

/** Types of the mounted file systems: "debugfs", "tracefs" (proc(5), /proc/mounts). */
export const mountedTypes = defineFact<ReadonlySet<string>>('mounted-types', async (host) => {
  const lines = (await mustRead(host, '/proc/mounts')).split('\n')
  return new Set(lines.flatMap((line) => line.split(' ')[2] ?? []))
})
