// SPDX-License-Identifier: MIT
import {type HostView, tellsAbsence} from '../host/host.ts'
import {defineFact, readInteger} from './fact.ts'

/** Pages of one size on one NUMA node. */
export interface Hugepages {
  readonly node: number
  readonly sizeKb: number
  readonly free: number
}

const NODES = '/sys/devices/system/node'

/**
 * Huge pages by node and size (Documentation/admin-guide/mm/hugetlbpage.rst); empty when the kernel
 * has no support.
 */
export const hugepages = defineFact<readonly Hugepages[]>('hugepages', async (host) => {
  const found: Hugepages[] = []
  const nodes = (await host.list(NODES)).flatMap((name) => /^node(\d+)$/.exec(name)?.[1] ?? [])
  if (nodes.length === 0 && !tellsAbsence(host)) throw new Error(`${NODES} does not exist`)
  for (const node of nodes)
    found.push(...(await inFolder(host, Number(node), `${NODES}/node${node}/hugepages`)))
  // A kernel without CONFIG_NUMA.
  if (nodes.length === 0) found.push(...(await inFolder(host, 0, '/sys/kernel/mm/hugepages')))
  return found
})

async function inFolder(host: HostView, node: number, folder: string): Promise<readonly Hugepages[]> {
  const found: Hugepages[] = []
  for (const name of await host.list(folder)) {
    const sizeKb = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0)
    if (sizeKb > 0)
      found.push({node, sizeKb, free: await readInteger(host, `${folder}/${name}/free_hugepages`)})
  }
  return found
}
