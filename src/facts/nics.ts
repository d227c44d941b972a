// SPDX-License-Identifier: MIT
import {defineFact, readInteger} from './fact.ts'

/** A network card and its NUMA node; undefined: the firmware does not report it. */
export interface Nic {
  readonly name: string
  readonly node: number | undefined
}

/**
 * Interfaces with a device; bridges, bonds and the loopback have none. numa_node is -1 when it is
 * unknown.
 */
export const nics = defineFact<readonly Nic[]>('nics', async (host) => {
  const found: Nic[] = []
  for (const name of await host.list('/sys/class/net')) {
    const path = `/sys/class/net/${name}/device/numa_node`
    if ((await host.read(path)) === undefined) continue
    const node = await readInteger(host, path, {least: -1})
    found.push({name, node: node >= 0 ? node : undefined})
  }
  return found
})
