// SPDX-License-Identifier: MIT
import {tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {CGROUP, cpusets} from './cgroup.ts'
import {defineFact, parsed, readText} from './fact.ts'

const ISOLATED = `${CGROUP}/cpuset.cpus.isolated`

/**
 * CPUs in isolated cpuset partitions, which /sys/devices/system/cpu/isolated does not include.
 * Since 6.7 the kernel lists them (kernel/cgroup/cpuset.c); for older kernels the partitions are
 * read. Empty on a running machine without cgroup v2.
 */
export const partitioned = defineFact<CpuSet>('partitioned', async (host, get) => {
  const text = await readText(host, ISOLATED)
  if (text !== undefined) return parsed(ISOLATED, text, CpuSet.printed)
  if (tellsAbsence(host) && (await host.read(`${CGROUP}/cgroup.controllers`)) === undefined)
    return CpuSet.empty
  const partitions = (await get(cpusets)).filter(({partition}) => partition === 'isolated')
  return partitions.reduce((all, {cpus, effective = cpus}) => all.union(effective), CpuSet.empty)
})
