// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {gatherer} from '../../src/facts/fact.ts'
import {guest} from '../../src/facts/guest.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {changed, reader} from '../support/machine.ts'

const DMI = '/sys/class/dmi/id'
const gone = (...paths: string[]) => Object.fromEntries(paths.map((path) => [path, undefined]))
const ARM = {'/proc/cpuinfo': 'processor\t: 0\nFeatures\t: fp asimd\n'}
const log = (line: string) => ({'/var/log/dmesg': `Linux version 6.12.117\n${line}\n`})

type Change = Readonly<Record<string, string | undefined>>

test.for<[name: string, change: Change, says: RegExp]>([
  ['the CPU flag', {'/proc/cpuinfo': 'flags\t: fpu hypervisor\n'}, /CPU flag/],
  [
    'the name of the CPU',
    {'/proc/cpuinfo': 'model name : QEMU Virtual CPU version 2.5+\nflags : fpu\n'},
    /QEMU/,
  ],
  ['the vendor in DMI', {[`${DMI}/sys_vendor`]: 'QEMU\n'}, /the firmware says QEMU/],
  ['the product in DMI', {[`${DMI}/product_name`]: 'VMware Virtual Platform\n'}, /VMware/],
  [
    'Hyper-V',
    {[`${DMI}/sys_vendor`]: 'Microsoft Corporation\n', [`${DMI}/product_name`]: 'Virtual Machine\n'},
    /Virtual/,
  ],
  ['EC2', {[`${DMI}/sys_vendor`]: 'Amazon EC2\n', [`${DMI}/product_name`]: 'c5.large\n'}, /Amazon EC2/],
  ['Xen', {'/sys/hypervisor/type': 'xen\n'}, /xen/],
  ['z/VM', {'/proc/sysinfo': 'LPAR Name:            A\nVM00 Control Program: z/VM    7.2.0\n'}, /z\/VM/],
  ['a partition of s390', {'/proc/sysinfo': 'LPAR Name:            LP01\n'}, /LP01/],
  ['a device tree', {'/proc/device-tree/compatible': 'linux,dummy-virt\0'}, /dummy-virt/],
  [
    'a hypervisor in the device tree',
    {'/proc/device-tree/hypervisor/compatible': 'xen,xen\0'},
    /device tree/,
  ],
  ['a partition of POWER', {'/proc/cpuinfo': 'platform : pSeries\nmachine : CHRP IBM,9105\n'}, /pSeries/],
  ['the vendor of the BIOS alone', {[`${DMI}/bios_vendor`]: 'SeaBIOS\n'}, /SeaBIOS \(bios_vendor\)/],
  ['the version of the product alone', {[`${DMI}/product_version`]: 'pc-q35-8.2 (QEMU)\n'}, /QEMU/],
  ['the board of VMware', {[`${DMI}/board_name`]: '440BX Desktop Reference Platform\n'}, /440BX/],
  ['the chassis', {[`${DMI}/chassis_vendor`]: 'QEMU\n'}, /chassis_vendor/],
  ['/sys/hypervisor without a type', {'/sys/hypervisor/uuid': '0\n'}, /hypervisor/],
  ['the configuration device of QEMU', {'/sys/firmware/qemu_fw_cfg/rev': '3\n'}, /qemu_fw_cfg/],
  ['the bus of Hyper-V', {'/sys/bus/vmbus/devices/a/id': '1\n'}, /vmbus/],
  ['User Mode Linux', {'/proc/cpuinfo': 'vendor_id\t: User Mode Linux\nflags\t: fpu\n'}, /User Mode Linux/],
  ['EL1', {...ARM, ...log('CPU: All CPU(s) started at EL1')}, /EL1/],
])('%s shows a virtual machine', async ([, change, says]) => {
  expect(await reader(changed(change))(guest)).toMatch(says)
})

test.for<[name: string, change: Change]>([
  ['a server', {}],
  ['a server of Amazon', {[`${DMI}/sys_vendor`]: 'Amazon EC2\n', [`${DMI}/product_name`]: 'c5.metal\n'}],
  ['EL2', {...ARM, ...log('CPU: All CPU(s) started at EL2')}],
  ['POWER without a hypervisor', {'/proc/cpuinfo': 'platform : PowerNV\n'}],
])('%s is none', async ([, change]) => {
  expect(await reader(changed(change))(guest)).toBeUndefined()
})

test.for<[name: string, change: Change, says: RegExp]>([
  ['everything hidden but a device', {'/sys/bus/pci/devices/0000:03:00.0/vendor': '0x1af4\n'}, /can hide it/],
  [
    'an emulated card with the vendor of the real one',
    {'/sys/bus/pci/devices/0000:03:00.0/subsystem_vendor': '0x1af4\n'},
    /can hide it/,
  ],
  ['virtio without PCI', {'/sys/bus/virtio/devices/virtio0/vendor': '0x554d4551\n'}, /can hide it/],
  ['a table that only hypervisors have', {'/sys/firmware/acpi/tables/WAET': ''}, /WAET/],
  [
    'EL2 with an emulated device',
    {
      ...ARM,
      ...log('CPU: All CPU(s) started at EL2'),
      '/sys/bus/pci/devices/0000:03:00.0/vendor': '0x1b36\n',
    },
    /can hide it/,
  ],
  [
    'a damaged vendor of the subsystem',
    {'/sys/bus/pci/devices/0000:03:00.0/subsystem_vendor': ''},
    /is empty/,
  ],
  ['the firmware not captured', gone(DMI), /sys_vendor was not captured/],
  ['the board not captured', gone(`${DMI}/board_vendor`), /board_vendor was not captured/],
  ['a damaged chassis', {[`${DMI}/chassis_vendor`]: '\u0001\ufffd\n'}, /chassis_vendor was not captured/],
  ['a BIOS without a name', {[`${DMI}/bios_vendor`]: '-1\n'}, /bios_vendor was not captured/],
  ['an empty vendor', {[`${DMI}/sys_vendor`]: ''}, /sys_vendor was not captured/],
  ['devices not captured', gone('/sys/bus/pci/devices'), /devices was not captured/],
  ['another architecture', {...ARM, '/var/log/dmesg': undefined}, /does not show/],
  ['no /proc/cpuinfo', gone('/proc/cpuinfo'), /cpuinfo does not exist/],
])('%s is unknown', async ([, change, says]) => {
  await expect(reader(changed(change))(guest)).rejects.toThrow(says)
})

test('a running computer without DMI is unknown', async () => {
  const files = changed(gone(DMI))
  const complete = gatherer({...memoryHost(files), complete: true})
  await expect(complete(guest)).rejects.toThrow('without DMI may be a virtual machine')
})
