// SPDX-License-Identifier: MIT
/** Machines for the tests of one file, in a private folder. */
import {copyFile, mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {isolationWords} from '../../../src/boot/arguments.ts'
import {CpuSet} from '../../../src/model/cpuset.ts'
import {debianImage, directBoot, type Loader, overlay} from './image.ts'
import {isolctlDisk} from './isolctl.ts'
import {firmwareVariables, startVm, type Vm, type VmOptions} from './machine.ts'

export const LOADERS = ['grub', 'systemd-boot'] as const

/** The last of the three CPUs of a machine is to be isolated. */
export const CPUS = 3
/** The boot arguments for that. */
export const WORDS = isolationWords({
  isolated: CpuSet.parse('2'),
  housekeeping: CpuSet.parse('0-1'),
  isolation: 'static',
})

/** Wait until systemd has started everything. */
export const settled = (vm: Vm): Promise<string> =>
  vm.must('while systemctl list-jobs --no-legend | grep -q .; do sleep 1; done')

export interface Workshop {
  readonly folder: string
  /** A new Debian. */
  machine(loader: Loader): Promise<VmOptions>
  /** Another machine with the disk of one that is switched off and stays so. */
  copyOf(machine: VmOptions): Promise<VmOptions>
  /** The same machine, started without its boot loader, whose next choice stays unchanged. */
  pastLoader(machine: VmOptions, loader: Loader): Promise<VmOptions>
  close(): Promise<void>
}

/** `files` are placed beside isolctl, below /opt/isolctl. */
export async function openWorkshop(
  files: (folder: string) => Promise<Readonly<Record<string, string>>> = async () => ({}),
): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-vm-'))
  const data = await isolctlDisk(folder, await files(folder))
  return {
    folder,
    async machine(loader) {
      const image = await debianImage(loader, (line) => process.stderr.write(`${line}\n`))
      const disk = await overlay({file: image, format: 'raw'}, folder)
      return {disk, data, ...(loader === 'systemd-boot' ? {variables: await firmwareVariables(folder)} : {})}
    },
    async copyOf(machine) {
      const disk = await overlay({file: machine.disk, format: 'qcow2'}, folder)
      if (machine.variables === undefined) return {...machine, disk}
      const variables = join(folder, `${crypto.randomUUID()}.fd`)
      await copyFile(machine.variables, variables)
      return {...machine, disk, variables}
    },
    async pastLoader({variables: _, ...machine}, loader) {
      return {...machine, direct: await directBoot(await debianImage(loader), folder)}
    },
    close: () => rm(folder, {recursive: true, force: true}),
  }
}

/** Run scripts in a machine without its init system, and power it off. */
export async function inside<T>(options: VmOptions, body: (vm: Vm) => Promise<T>): Promise<T> {
  await using vm = await startVm({...options, mode: 'agent'})
  await vm.ready()
  const result = await body(vm)
  await vm.powerOff()
  return result
}

/** The maximum number of moments: to look at each costs one or two boots. */
const MOMENTS = 12

/**
 * Run a script, and keep snapshots of what a power cut would leave of the machine, the last one
 * when the script is done. Independent of the duration there are between half of MOMENTS and all of
 * them, evenly spread.
 */
export async function cutting(
  vm: Vm,
  script: string,
): Promise<{readonly exitCode: number; readonly left: readonly VmOptions[]}> {
  let running = true
  const done = vm.sh(script).finally(() => {
    running = false
  })
  done.catch(() => {}) // awaited below
  const left: VmOptions[] = []
  for (let pauseMs = 500; running; ) {
    left.push(await vm.remains())
    await Promise.race([sleep(pauseMs), done.catch(() => {})])
    if (left.length < MOMENTS) continue
    for (let index = left.length - 1; index > 0; index -= 2) await discard(left.splice(index, 1))
    pauseMs *= 2
  }
  const {exitCode} = await done
  left.push(await vm.remains())
  return {exitCode, left}
}

async function discard(machines: readonly VmOptions[]): Promise<void> {
  for (const {disk, variables} of machines) {
    await rm(disk)
    if (variables !== undefined) await rm(variables)
  }
}
