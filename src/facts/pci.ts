// SPDX-License-Identifier: MIT
import {defineFact, readInteger} from './fact.ts'
import {settings} from './settings.ts'

const PCI = '/sys/bus/pci'
/** Drivers that give a device to a user space program (DPDK, "Linux Drivers"). */
export const USER_SPACE_DRIVERS = ['vfio-pci', 'uio_pci_generic', 'igb_uio'] as const

/** A PCI device that, by the config, a user space program drives. */
export interface Device {
  /** "0000:03:00.0" */
  readonly address: string
  readonly present: boolean
  /** One of USER_SPACE_DRIVERS; undefined while a kernel driver has the device. */
  readonly driver?: string
  /** Its network interfaces, which exist while a kernel driver has the device. */
  readonly interfaces: readonly string[]
  /** Its NUMA node; absent when the firmware does not report it. */
  readonly node?: number
}

export const devices = defineFact<readonly Device[]>('devices', async (host, get) => {
  const {devices: wanted = []} = await get(settings)
  if (wanted.length === 0) return []
  const present = await host.list(`${PCI}/devices`)
  if (present.length === 0) throw new Error(`${PCI}/devices does not exist`)
  const bound = new Map<string, string>()
  for (const driver of USER_SPACE_DRIVERS)
    for (const address of await host.list(`${PCI}/drivers/${driver}`)) bound.set(address, driver)
  return Promise.all(
    wanted.map(async (address) => {
      const driver = bound.get(address)
      const file = `${PCI}/devices/${address}/numa_node`
      // -1: the firmware does not report it. A kernel without CONFIG_NUMA has no such file.
      const node = (await host.read(file)) === undefined ? -1 : await readInteger(host, file, {least: -1})
      return {
        address,
        present: present.includes(address),
        ...(driver === undefined ? {} : {driver}),
        ...(node < 0 ? {} : {node}),
        interfaces: await host.list(`${PCI}/devices/${address}/net`),
      }
    }),
  )
})
