// SPDX-License-Identifier: MIT
import {type HostView, tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {readCpulist, readCpumask} from './cpu-files.ts'
import {online} from './cpus.ts'
import {defineFact} from './fact.ts'

const NODES = '/sys/devices/system/node'

/**
 * NUMA node to its CPUs, as the kernel lists them (drivers/base/node.c: cpulist_show, cpumap_show),
 * or by the links to them. A CPU can be in several nodes (numa=fake). undefined: the node is there
 * and its CPUs are not known, as in a partial capture. Offline nodes are left out. Empty on a
 * kernel without CONFIG_NUMA.
 */
export const listedNodes = defineFact<ReadonlyMap<number, CpuSet | undefined>>(
  'listed-nodes',
  async (host) => {
    // All nodes count where the file cannot be read, as in captures of isolctl 0.1.0, which lack it.
    const online = await readCpulist(host, `${NODES}/online`).catch(() => undefined)
    const found = new Map<number, CpuSet | undefined>()
    for (const name of await host.list(NODES)) {
      const node = /^node(\d+)$/.exec(name)?.[1]
      if (node === undefined || online?.has(Number(node)) === false) continue
      const folder = `${NODES}/${name}`
      const cpus =
        (await readCpulist(host, `${folder}/cpulist`)) ??
        (await readCpumask(host, `${folder}/cpumap`)) ??
        (await linkedCpus(host, folder))
      found.set(Number(node), cpus)
    }
    return found
  },
)

async function linkedCpus(host: HostView, folder: string): Promise<CpuSet | undefined> {
  const cpus = (await host.list(folder)).flatMap((name) => /^cpu(\d+)$/.exec(name)?.[1] ?? [])
  return cpus.length === 0 ? undefined : CpuSet.from(cpus.map(Number))
}

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
