// SPDX-License-Identifier: MIT
/** Kernels that do not come up, or do not stay up: Debian's own package, with one of its drivers spoilt. */
import {mkdir, readdir, rm, symlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'

interface Spoilt {
  readonly driver: string
  /** Machine code that it starts with; absent: there is no such driver. */
  readonly code?: readonly number[]
  /** Loads it, for a driver that nothing else would load. */
  readonly unit?: string
}

const ROOT_DRIVER = 'virtio_blk'

export const FAULTS = {
  /** ud2: an oops, and with oops=panic a panic. */
  panics: {driver: ROOT_DRIVER, code: [0x0f, 0x0b]},
  /** A jump to itself, with interrupts on and preemption off. */
  spins: {driver: ROOT_DRIVER, code: [0xeb, 0xfe]},
  'has no driver for its root': {driver: ROOT_DRIVER},
  /** cli and a jump back to it: on a machine with one CPU nothing runs any more. Once a watchdog is running. */
  freezes: {
    driver: 'softdog',
    code: [0xfa, 0xeb, 0xfd],
    unit: `[Unit]
ConditionKernelCommandLine=isolctl.trial
Before=isolctl-trial.service
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sh -c 'until grep -qx active /sys/class/watchdog/watchdog0/state; do sleep 1; done; modprobe softdog'
`,
  },
} as const satisfies Record<string, Spoilt>
export type Fault = keyof typeof FAULTS

const UNITS = 'lib/systemd/system'

/**
 * The package with such a fault, or as it is. Returns its path. Not compressed: to unpack it again and again is most of
 * what an emulated installation does.
 */
export async function repack(file: string, fault: Fault | undefined, folder: string): Promise<string> {
  const tree = join(folder, crypto.randomUUID())
  await execa('dpkg-deb', ['--raw-extract', file, tree])
  if (fault !== undefined) await spoil(tree, FAULTS[fault])
  const packed = `${tree}.deb`
  await execa('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, packed])
  await rm(tree, {recursive: true})
  return packed
}

async function spoil(tree: string, {driver, code, unit}: Spoilt): Promise<void> {
  const found = (await readdir(tree, {recursive: true})).find((path) => path.endsWith(`/${driver}.ko.xz`))
  if (found === undefined) throw new Error(`the package has no ${driver}`)
  const packed = join(tree, found)
  if (code !== undefined) {
    const {stdout} = await execa('xz', ['-dc', packed], {encoding: 'buffer'})
    await writeFile(packed.replace(/\.xz$/, ''), withCode(Buffer.from(stdout), 'init_module', code))
  }
  await rm(packed)
  if (unit === undefined) return
  await mkdir(join(tree, UNITS, 'multi-user.target.wants'), {recursive: true})
  await writeFile(join(tree, UNITS, 'vm-fault.service'), unit)
  await symlink('../vm-fault.service', join(tree, UNITS, 'multi-user.target.wants/vm-fault.service'))
}

const SIGNATURE = '~Module signature appended~\n'

/**
 * A module whose function begins with other code. Its signature goes, because it would be wrong: a module without one
 * taints the kernel and is loaded, one with a wrong one is refused (kernel/module/signing.c). ELF, 64 bit: elf(5).
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
    // struct module_signature: 12 bytes, the last 4 of them the length of what is before it.
    const end = module.length - SIGNATURE.length
    return module.subarray(0, end - 12 - module.readUInt32BE(end - 4))
  }
  throw new Error(`the module has no ${name}`)
}
