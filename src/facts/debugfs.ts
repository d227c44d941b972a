// SPDX-License-Identifier: MIT
import {defineFact, mayRead, mustRead, parsed} from './fact.ts'
import {choice} from './knob.ts'

export const LOCKDOWN = '/sys/kernel/security/lockdown'

/**
 * "none", "integrity" or "confidentiality": the word in brackets (security/lockdown/lockdown.c);
 * undefined without the LSM.
 */
export const lockdown = defineFact<string | undefined>('lockdown', async (host) => {
  const text = await mayRead(host, LOCKDOWN)
  return text === undefined ? undefined : parsed(LOCKDOWN, text, choice)
})

/** Types of the mounted file systems: "debugfs", "tracefs" (proc(5), /proc/mounts). */
export const mountedTypes = defineFact<ReadonlySet<string>>('mounted-types', async (host) => {
  const lines = (await mustRead(host, '/proc/mounts')).split('\n')
  const types = new Set(lines.flatMap((line) => line.split(' ')[2] ?? []))
  if (types.size === 0) throw new Error('/proc/mounts lists no file system')
  return types
})
