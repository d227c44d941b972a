// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, mustRead, parsed, readText} from './fact.ts'

const ROOT = '/sys/fs/resctrl'

/** A group of CPUs with a share of the last-level cache (Documentation/arch/x86/resctrl.rst). */
export interface CacheGroup {
  /** "" for the default group, which has the CPUs of no other group. */
  readonly name: string
  readonly cpus: CpuSet
  /** Ways of the L3 cache as bits, by cache id; empty when the cache cannot be partitioned. */
  readonly ways: ReadonlyMap<number, bigint>
}

/** Undefined when resctrl is not mounted. */
export const cacheGroups = defineFact<readonly CacheGroup[] | undefined>('cache-groups', async (host) => {
  const names = await host.list(ROOT)
  if (names.length === 0) return undefined
  const groups: CacheGroup[] = []
  for (const name of ['', ...names]) {
    const folder = name === '' ? ROOT : `${ROOT}/${name}`
    const paths = [`${folder}/schemata`, `${folder}/cpus_list`] as const
    const [schemata, list] = [await readText(host, paths[0]), await readText(host, paths[1])]
    // A file of the default group, or one of the folders with the counters.
    if (name !== '' && schemata === undefined && list === undefined) continue
    groups.push({
      name,
      cpus: parsed(paths[1], await mustRead(host, paths[1]), CpuSet.printed),
      ways: parsed(paths[0], await mustRead(host, paths[0]), waysOf),
    })
  }
  return groups
})

/**
 * "L3:0=ff;1=ff"; L3CODE and L3DATA when code and data are partitioned separately. Throws Error for
 * a text without a resource.
 */
function waysOf(schemata: string): ReadonlyMap<number, bigint> {
  if (!/^\s*\w+:\d+=/m.test(schemata)) throw new Error('names no resource')
  const ways = new Map<number, bigint>()
  for (const [, list = ''] of schemata.matchAll(/^\s*L3(?:CODE|DATA)?:(.*)$/gm))
    for (const [, id = '', mask = ''] of list.matchAll(/(\d+)=([0-9a-f]{1,16})/g))
      ways.set(Number(id), (ways.get(Number(id)) ?? 0n) | BigInt(`0x${mask}`))
  return ways
}
