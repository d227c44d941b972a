// SPDX-License-Identifier: MIT
import {CpuSet} from '../lib/cpuset.ts'
import {defineFact} from './fact.ts'

const NODE = '/sys/devices/system/node'

/** The CPUs of each NUMA node that has some (Documentation/ABI/stable/sysfs-devices-node); empty on a kernel without NUMA. */
export const nodes = defineFact<ReadonlyMap<number, CpuSet>>('nodes', async (host) => {
  const online = CpuSet.parse((await host.read(`${NODE}/online`)) ?? '')
  const found = new Map<number, CpuSet>()
  for (const node of online) {
    const cpus = CpuSet.parse((await host.read(`${NODE}/node${node}/cpulist`)) ?? '')
    if (!cpus.isEmpty) found.set(node, cpus)
  }
  return found
})
