// SPDX-License-Identifier: MIT
import {tellsAbsence} from '../host/host.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {readCpulist, readCpumask} from './cpu-files.ts'
import {online} from './cpus.ts'
import {defineFact} from './fact.ts'

const NODES = '/sys/devices/system/node'

/**
 * NUMA node to its CPUs, as the kernel lists them (drivers/base/node.c: cpulist_show, cpumap_show). undefined: the node
 * is there and neither of its files is, as in a partial capture. Empty on a kernel without CONFIG_NUMA.
 */
export const listedNodes = defineFact<ReadonlyMap<number, CpuSet | undefined>>(
  'listed-nodes',
  async (host) => {
    const found = new Map<number, CpuSet | undefined>()
    for (const name of await host.list(NODES)) {
      const node = /^node(\d+)$/.exec(name)?.[1]
      if (node === undefined) continue
      const folder = `${NODES}/${name}`
      const cpus =
        (await readCpulist(host, `${folder}/cpulist`)) ?? (await readCpumask(host, `${folder}/cpumap`))
      found.set(Number(node), cpus)
    }
    return found
  },
)

/** NUMA node to its CPUs, nodes without CPUs left out. Rejects where the CPUs of a node are not known. */
export const nodes = defineFact<ReadonlyMap<number, CpuSet>>('nodes', async (host, get) => {
  const found = new Map<number, CpuSet>()
  for (const [node, cpus] of await get(listedNodes)) {
    if (cpus === undefined) throw new Error(`${NODES}/node${node}/cpulist does not exist`)
    if (!cpus.isEmpty) found.set(node, cpus)
  }
  if (found.size > 0) return found
  // A kernel without CONFIG_NUMA has no such folder, and all its CPUs are one node.
  if (tellsAbsence(host)) return new Map([[0, await get(online)]])
  throw new Error(`${NODES} does not exist`)
})
