// SPDX-License-Identifier: MIT
import {tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {online} from './cpus.ts'
import {defineFact, parsed} from './fact.ts'

const NODES = '/sys/devices/system/node'

/** NUMA node to its CPUs, nodes without CPUs left out (drivers/base/node.c: cpulist_show). */
export const nodes = defineFact<ReadonlyMap<number, CpuSet>>('nodes', async (host, get) => {
  const found = new Map<number, CpuSet>()
  for (const name of await host.list(NODES)) {
    const node = /^node(\d+)$/.exec(name)?.[1]
    if (node === undefined) continue
    const path = `${NODES}/${name}/cpulist`
    const text = await host.read(path)
    const mask = text === undefined ? await host.read(`${NODES}/${name}/cpumap`) : undefined
    if (text === undefined && mask === undefined) throw new Error(`${path} does not exist`)
    const cpus =
      text === undefined
        ? parsed(`${NODES}/${name}/cpumap`, plain(mask ?? ''), CpuSet.fromMask)
        : parsed(path, plain(text), CpuSet.parse)
    if (!cpus.isEmpty) found.set(Number(node), cpus)
  }
  if (found.size > 0) return found
  // A kernel without CONFIG_NUMA has no such folder, and all its CPUs are one node.
  if (tellsAbsence(host)) return new Map([[0, await get(online)]])
  throw new Error(`${NODES} does not exist`)
})

/** Since 5.16 these files end in the string's NUL. */
const plain = (text: string) => text.replaceAll('\0', '').trim()
