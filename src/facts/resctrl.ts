// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, parsed} from './fact.ts'

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
  if ((await host.read(`${ROOT}/schemata`)) === undefined) return undefined
  const groups: CacheGroup[] = []
  for (const name of ['', ...(await host.list(ROOT))]) {
    const folder = name === '' ? ROOT : `${ROOT}/${name}`
    const [schemata, list] = [await host.read(`${folder}/schemata`), await host.read(`${folder}/cpus_list`)]
    if (schemata === undefined || list === undefined) continue
    groups.push({name, cpus: parsed(`${folder}/cpus_list`, list, CpuSet.parse), ways: waysOf(schemata)})
  }
  return groups
})

/** "L3:0=ff;1=ff"; L3CODE and L3DATA when code and data are partitioned separately. */
function waysOf(schemata: string): ReadonlyMap<number, bigint> {
  const ways = new Map<number, bigint>()
  for (const [, list = ''] of schemata.matchAll(/^\s*L3(?:CODE|DATA)?:(.*)$/gm))
    for (const [, id = '', mask = ''] of list.matchAll(/(\d+)=([0-9a-f]{1,16})/g))
      ways.set(Number(id), (ways.get(Number(id)) ?? 0n) | BigInt(`0x${mask}`))
  return ways
}
