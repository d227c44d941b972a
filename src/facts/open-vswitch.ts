// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact} from './fact.ts'
import {everyTask} from './tasks.ts'

const DATABASES = ['/etc/openvswitch/conf.db', '/var/lib/openvswitch/conf.db']

/**
 * The CPUs on which Open vSwitch runs its poll mode threads: other_config:pmd-cpu-mask, a hex mask
 * (ovs-vswitchd.conf.db(5)). The database is a log of JSON records, and the last one counts.
 * Undefined where no poll mode thread runs, and where there is no database or no mask in it.
 */
export const pmdCpus = defineFact<CpuSet | undefined>('pmd-cpus', async (host, get) => {
  if (!(await get(everyTask)).some(({comm}) => isPollMode(comm))) return undefined
  for (const path of DATABASES) {
    const text = await host.read(path)
    const mask = [...(text ?? '').matchAll(/"pmd-cpu-mask","(?:0x)?([0-9a-f]+)"/gi)].at(-1)?.[1]
    if (mask !== undefined) return CpuSet.fromMask(mask)
  }
  return undefined
})

/** A poll mode thread of ovs-vswitchd: "pmd-c03/id:8", before 2.14 "pmd8" (lib/dpif-netdev.c). */
export const isPollMode = (comm: string): boolean => /^pmd(-c\d+\/id:)?\d+$/.test(comm)
