// SPDX-License-Identifier: MIT

/** Soft and hard limit of open files, from /proc/PID/limits. */
export interface Nofile {
  readonly soft: number
  readonly hard: number
}

/** Undefined when the text has no such line. "unlimited" is Infinity. Pure. */
export function parseNofile(limits: string): Nofile | undefined {
  const match = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits)
  if (!match) return undefined
  const [soft, hard] = match
    .slice(1)
    .map((text) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text)))
  return soft === undefined || hard === undefined || Number.isNaN(soft + hard) ? undefined : {soft, hard}
}

/**
 * Default hard limits of systemd (system.conf, DefaultLimitNOFILE=1024:524288) and of the kernel.
 */
const DEFAULT_HARD: readonly number[] = [524_288, 4096]
const DEFAULT_SOFT = 1024

/**
 * The soft limit with which isolctl was started. Node.js raises it to the hard limit and does not
 * record the old value, but the parent process still has it. Init is an exception: it raises its
 * own limit and sets the limit of its children. Undefined: do not change the limit. Pure.
 */
export function startingNofile(
  own: Nofile | undefined,
  parent: Nofile | undefined,
  parentPid: number,
): number | undefined {
  if (own === undefined) return undefined
  if (parentPid > 1 && parent?.hard === own.hard && Number.isFinite(parent.soft)) return parent.soft
  return parentPid <= 1 && DEFAULT_HARD.includes(own.hard) ? DEFAULT_SOFT : undefined
}
