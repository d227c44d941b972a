// SPDX-License-Identifier: MIT
import {defineFact, readInteger} from './fact.ts'
import {atLeast, kernel} from './kernel.ts'

const SCHED = '/sys/kernel/debug/sched'
export const fairServerPath = (cpu: number): string => `${SCHED}/fair_server/cpu${cpu}/runtime`

/**
 * CPU number to the fair server's runtime in nanoseconds per period; undefined when the kernel has
 * no fair server.
 */
export type FairServer = ReadonlyMap<number, number> | undefined

/**
 * The deadline server that reserves CPU time for SCHED_OTHER tasks beside real-time ones
 * (kernel/sched/debug.c: debugfs_fair_server_init). Root only. It is in debugfs, which may be
 * unmounted or locked down.
 */
export const fairServer = defineFact<FairServer>('fair-server', async (host, get) => {
  const names = await host.list(`${SCHED}/fair_server`)
  if (names.length === 0) {
    // A kernel with a fair server has the directory.
    if ((await host.list(SCHED)).length > 0) return undefined
    if (!atLeast(await get(kernel), 6, 8)) return undefined
    throw new Error(`${SCHED} cannot be read: is debugfs mounted?`)
  }
  const runtimes = new Map<number, number>()
  for (const name of names) {
    const cpu = /^cpu(\d+)$/.exec(name)?.[1]
    if (cpu !== undefined) runtimes.set(Number(cpu), await readInteger(host, fairServerPath(Number(cpu))))
  }
  return runtimes
})
