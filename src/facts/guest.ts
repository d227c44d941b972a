// SPDX-License-Identifier: MIT
import {type HostView, tellsAbsence} from '../host/host.ts'
import {defineFact, mayList, mayRead, mustRead, readText} from './fact.ts'
import {kernelLog} from './kernel-log.ts'

const DMI = '/sys/class/dmi/id'
const PCI = '/sys/bus/pci/devices'
const TREE = '/proc/device-tree'

/**
 * A sign that this is a virtual machine; undefined when there is none. Throws Error where the
 * machine would not show one: files are missing, the architecture has none, or a device shows a
 * hypervisor that everything else hides.
 */
export const guest = defineFact<string | undefined>('guest', async (host, get) => {
  const shown =
    (await inHypervisorFolder(host)) ??
    (await inDeviceTree(host)) ??
    (await inSysinfo(host)) ??
    (await onBus(host))
  if (shown !== undefined) return shown
  const firmware = await inDmi(host)
  if (firmware.sign !== undefined) return firmware.sign
  const cpuinfo = await mustRead(host, '/proc/cpuinfo')
  const flags = /^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]
  if (flags?.split(/\s+/).includes('hypervisor')) return 'the CPU flag "hypervisor" is set'
  const emulated = /^(?:model name|cpu|machine|platform)\s*:\s*(.*(?:QEMU|KVM|pSeries).*)$/im.exec(
    cpuinfo,
  )?.[1]
  if (emulated !== undefined) return `/proc/cpuinfo names ${emulated.trim()}`
  if (/^vendor_id\s*:\s*User Mode Linux/m.test(cpuinfo)) return '/proc/cpuinfo names User Mode Linux'
  if (flags === undefined) {
    const below = elsewhere(cpuinfo, await get(kernelLog).catch(() => ''))
    if (below !== undefined) return below
  }
  // The flag alone proves nothing: a virtual machine can be configured without it.
  if (flags !== undefined && firmware.missing !== undefined)
    throw new Error(`${firmware.missing} was not captured`)
  if (flags !== undefined && firmware.silent)
    throw new Error(`${DMI} does not exist: a computer without DMI may be a virtual machine`)
  const trace = (await virtualDevice(host)) ?? (await virtualTable(host))
  if (trace !== undefined)
    throw new Error(`${trace}, and nothing else shows a hypervisor: a virtual machine can hide it`)
  return undefined
})

/** Xen (Documentation/ABI/stable/sysfs-hypervisor-xen). */
async function inHypervisorFolder(host: HostView): Promise<string | undefined> {
  const type = (await readText(host, '/sys/hypervisor/type'))?.trim()
  if (type) return `/sys/hypervisor/type says ${type}`
  return (await host.list('/sys/hypervisor')).length > 0 ? '/sys/hypervisor names a hypervisor' : undefined
}

/** What only a hypervisor has: QEMU's configuration device, and the bus of Hyper-V. */
async function onBus(host: HostView): Promise<string | undefined> {
  for (const path of ['/sys/firmware/qemu_fw_cfg', '/sys/bus/vmbus/devices'])
    if ((await host.list(path)).length > 0) return `${path} is a device of a hypervisor`
  return undefined
}

/** Machines that a hypervisor describes: QEMU, crosvm, Xen, and partitions of PowerVM. */
async function inDeviceTree(host: HostView): Promise<string | undefined> {
  if ((await host.list(`${TREE}/hypervisor`)).length > 0) return 'the device tree names a hypervisor'
  const compatible = (await host.read(`${TREE}/compatible`))?.replaceAll('\0', ' ').trim()
  if (compatible && /dummy-virt|riscv-virtio|qemu|xen/.test(compatible))
    return `the device tree is that of ${compatible}`
  const partition = (await host.read(`${TREE}/ibm,partition-name`))?.replaceAll('\0', '').trim()
  return partition ? `the device tree names the partition ${partition}` : undefined
}

/** s390: the hypervisors above this system, z/VM or KVM, and the logical partition. */
async function inSysinfo(host: HostView): Promise<string | undefined> {
  const text = (await host.read('/proc/sysinfo')) ?? ''
  const control = /^VM\d+ Control Program:\s*(.*)$/m.exec(text)?.[1]
  if (control !== undefined) return `/proc/sysinfo names ${control.trim()}`
  const partition = /^LPAR Name:\s*(.*)$/m.exec(text)?.[1]
  return partition === undefined ? undefined : `/proc/sysinfo names the partition ${partition.trim()}`
}

/** Texts that hypervisors and clouds write into the tables of the firmware. */
const VIRTUAL =
  /QEMU|SeaBIOS|\bOVMF\b|\bACRN\b|SmartDC HVM|Tencent Cloud|UpCloud|Exoscale|Linode|OpenNebula|440BX Desktop Reference|\bKVM\b|VMware|innotek|VirtualBox|\bXen\b|Bochs|Parallels|BHYVE|OpenStack|oVirt|RHEV|Amazon EC2|Google Compute Engine|Virtual Machine|Alibaba Cloud|AHV|Droplet|vServer|Cloud Hypervisor|Apple Virtualization/i

/** A machine of Amazon without a hypervisor: "c5.metal". */
const METAL = /\.metal\b/

/** A hypervisor that copies the names of its host often leaves its own in one of these. */
const FURTHER = ['bios_vendor', 'board_vendor', 'board_name', 'chassis_vendor', 'product_version'] as const

interface Firmware {
  readonly sign?: string
  /** A file that the capture lacks. */
  readonly missing?: string
  /** The machine has no DMI. */
  readonly silent: boolean
}

async function inDmi(host: HostView): Promise<Firmware> {
  const texts: string[] = []
  let missing: string | undefined
  for (const name of ['sys_vendor', 'product_name']) {
    const path = `${DMI}/${name}`
    const text = await mayRead(host, path).catch(() => {
      missing ??= path
    })
    if (text !== undefined && !/[\p{L}\d]{2}/u.test(text)) missing ??= path
    texts.push((text ?? '').trim())
  }
  const said = texts.join(' ').trim()
  const silent = said === ''
  if (METAL.test(said)) return {silent}
  if (VIRTUAL.test(said)) return {sign: `the firmware says ${said}`, silent}
  for (const name of FURTHER) {
    const path = `${DMI}/${name}`
    const text = await mayRead(host, path).catch(() => {
      missing ??= path
    })
    if (text === undefined) continue
    const word = !name.endsWith('_vendor') || text.trim() === '' || /[A-Za-z\d]{2}/.test(text)
    if (!word || !/^[\x20-\x7e\s]*$/.test(text)) missing ??= path
    if (VIRTUAL.test(text)) return {sign: `the firmware says ${text.trim()} (${name})`, silent}
  }
  return {silent, ...(missing === undefined ? {} : {missing})}
}

/** Vendors of devices that exist only as a hypervisor makes them, or mostly (virtio). */
const VENDORS: Readonly<Record<string, string>> = {
  '0x1af4': 'virtio',
  '0x1b36': 'QEMU',
  '0x1234': 'QEMU',
  '0x15ad': 'VMware',
  '0x80ee': 'VirtualBox',
  '0x5853': 'Xen',
  '0x1ab8': 'Parallels',
  '0x1414': 'Hyper-V',
  '0x1ae0': 'Google Cloud',
}

/**
 * A device whose vendor, or whose subsystem's vendor, is a hypervisor: the cards that QEMU emulates
 * have the vendor of the real ones, and its own as that of the subsystem.
 */
async function virtualDevice(host: HostView): Promise<string | undefined> {
  for (const address of await mayList(host, PCI))
    for (const file of ['vendor', 'subsystem_vendor']) {
      const path = `${PCI}/${address}/${file}`
      const vendor = (await readText(host, path))?.trim()
      if (vendor === undefined && !tellsAbsence(host)) throw new Error(`${path} was not captured`)
      if (vendor !== undefined && !/^0x[0-9a-f]{4}$/.test(vendor))
        throw new Error(`${path}: not a vendor: "${vendor.slice(0, 40)}"`)
      const name = vendor === undefined ? undefined : VENDORS[vendor]
      if (name !== undefined) return `the PCI device ${address} is one of ${name}`
    }
  // Small virtual machines have virtio without PCI.
  const [device] = await host.list('/sys/bus/virtio/devices')
  return device === undefined ? undefined : `there is a virtio device, ${device}`
}

/** WAET (Windows ACPI Emulated Devices Table): hypervisors have it, and no hardware. */
async function virtualTable(host: HostView): Promise<string | undefined> {
  const tables = await host.list('/sys/firmware/acpi/tables')
  return tables.includes('WAET') ? 'the firmware has the ACPI table WAET' : undefined
}

/**
 * Architectures without a flag. On arm64 the kernel reports the exception level at which its CPUs
 * started: a hypervisor keeps EL2 (arch/arm64/kernel/smp.c: hyp_mode_check).
 */
function elsewhere(cpuinfo: string, log: string): string | undefined {
  const level = /CPU: All CPU\(s\) started at EL(\d)/.exec(log)?.[1]
  if (level === '1') return 'its CPUs started at EL1, below a hypervisor'
  if (level === '2' || /^platform\s*:\s*PowerNV/m.test(cpuinfo)) return undefined
  throw new Error('/proc/cpuinfo of this architecture does not show whether this is a virtual machine')
}
