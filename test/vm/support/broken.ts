// SPDX-License-Identifier: MIT
/**
 * Kernels that do not come up, or do not stay up: Debian's kernel with one of its drivers changed.
 */
import {readdir, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'

interface Spoilt {
  readonly driver: string
  /** The machine code at its start; absent: the driver is missing. */
  readonly code?: readonly number[]
  /** A script that loads the driver, when the initramfs does not do so. */
  readonly unit?: string
}

const ROOT_DRIVER = 'virtio_blk'

export const FAULTS = {
  /** ud2: an oops, and a panic with oops=panic. */
  panics: {driver: ROOT_DRIVER, code: [0x0f, 0x0b]},
  /** A jump to itself, with interrupts enabled and preemption disabled. */
  spins: {driver: ROOT_DRIVER, code: [0xeb, 0xfe]},
  'has no driver for its root': {driver: ROOT_DRIVER},
  /**
   * cli and a jump back to it: on a machine with one CPU nothing runs any more. Only when
   * requested, and with a watchdog running.
   */
  freezes: {
    driver: 'softdog',
    code: [0xfa, 0xeb, 0xfd],
    unit: `[Unit]
ConditionKernelCommandLine=isolctl.trial
Before=isolctl-trial.service
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sh -c 'until [ -e /run/vm-freeze ] && grep -qx active /sys/class/watchdog/watchdog0/state; do sleep 1; done; modprobe softdog'
`,
  },
} as const satisfies Record<string, Spoilt>
export type Fault = keyof typeof FAULTS

/** The path of a driver beside isolctl. */
const fileOf = (fault: Fault) => `faults/${fault.replaceAll(' ', '-')}.ko`

/**
 * The files that spoil() needs in a machine, from the package of its kernel: path below
 * /opt/isolctl to file on this machine. A driver that must be missing is replaced by an empty file,
 * which nothing loads.
 */
export async function faultFiles(file: string, folder: string): Promise<Readonly<Record<string, string>>> {
  const tree = join(folder, crypto.randomUUID())
  await execa('dpkg-deb', ['--extract', file, tree])
  const paths = await readdir(tree, {recursive: true})
  const made = Object.entries<Spoilt>(FAULTS).map(async ([fault, {driver, code}]) => {
    const found = paths.find((path) => path.endsWith(`/${driver}.ko.xz`))
    if (found === undefined) throw new Error(`the package has no ${driver}`)
    const {stdout} = await execa('xz', ['-dc', join(tree, found)], {encoding: 'buffer'})
    const there = join(folder, `${crypto.randomUUID()}.ko`)
    await writeFile(there, code === undefined ? '' : withCode(Buffer.from(stdout), 'init_module', code))
    return [fileOf(fault as Fault), there] as const
  })
  const files = await Promise.all(made)
  await rm(tree, {recursive: true})
  return Object.fromEntries(files)
}

/**
 * A script that breaks an installed kernel. In an initramfs the last archive wins
 * (Documentation/driver-api/early-userspace/buffer-format.rst), so an archive with only the driver
 * is appended: to build the initramfs again would take minutes. A driver may have any name: the
 * kernel detects by its contents that it is not compressed.
 */
export function spoil(fault: Fault, release: string): string {
  const {driver, unit}: Spoilt = FAULTS[fault]
  const spoilt = `/opt/isolctl/${fileOf(fault)}`
  if (unit !== undefined)
    return `set -e; cp ${spoilt} $(find /lib/modules/${release} -name '${driver}.ko*')
cat >/etc/systemd/system/vm-fault.service <<'END'
${unit}END
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -s ../vm-fault.service /etc/systemd/system/multi-user.target.wants/`
  return `set -e; cd "$(mktemp -d)"
path=$(lsinitramfs /boot/initrd.img-${release} | grep -F '/${driver}.ko')
mkdir -p "$(dirname "$path")"; cp ${spoilt} "$path"
for initrd in /boot/initrd.img-${release} $(find /boot/efi -path '*/${release}/initrd*'); do
  truncate -s %4 "$initrd"; find . | cpio --quiet -o -H newc >>"$initrd"
done; sync`
}

const SIGNATURE = '~Module signature appended~\n'

/**
 * A module whose function begins with other code. Its signature is removed, because it would be
 * wrong: a module without a signature taints the kernel and is loaded, one with a wrong signature
 * is refused (kernel/module/signing.c). ELF, 64 bit: elf(5).
 */
function withCode(module: Buffer, name: string, code: readonly number[]): Buffer {
  const [headers, size, count] = [
    Number(module.readBigUInt64LE(0x28)),
    module.readUInt16LE(0x3a),
    module.readUInt16LE(0x3c),
  ]
  const sections = Array.from({length: count}, (_, index) => {
    const at = headers + index * size
    return {
      type: module.readUInt32LE(at + 4),
      offset: Number(module.readBigUInt64LE(at + 24)),
      length: Number(module.readBigUInt64LE(at + 32)),
      link: module.readUInt32LE(at + 40),
    }
  })
  const symbols = sections.find(({type}) => type === 2)
  const names = sections[symbols?.link ?? 0]?.offset ?? 0
  for (let at = symbols?.offset ?? 0; at < (symbols ? symbols.offset + symbols.length : 0); at += 24) {
    const start = names + module.readUInt32LE(at)
    if (module.toString('latin1', start, module.indexOf(0, start)) !== name) continue
    const section = sections[module.readUInt16LE(at + 6)]
    if (section === undefined) continue
    Buffer.from(code).copy(module, section.offset + Number(module.readBigUInt64LE(at + 8)))
    const signed = module.toString('latin1', module.length - SIGNATURE.length) === SIGNATURE
    if (!signed) return module
    // struct module_signature: 12 bytes, the last 4 of them the length of the signature before it.
    const end = module.length - SIGNATURE.length
    return module.subarray(0, end - 12 - module.readUInt32BE(end - 4))
  }
  throw new Error(`the module has no ${name}`)
}
