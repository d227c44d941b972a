// SPDX-License-Identifier: MIT
/** Machines in which isolctl has a kernel to try: Debian's own, newer than the one that runs. */
import {expect} from 'vitest'
import {type KernelList, KernelListSchema} from '../../../src/schema/kernel-list.ts'
import type {Loader} from './image.ts'
import {debianKernels, fetchPackage, releaseOf, unpacked} from './kernels.ts'
import type {Vm, VmOptions} from './machine.ts'
import {inside, openWorkshop, type Workshop} from './workshop.ts'

const PACKAGE = 'kernel.deb'
export const INSTALL = `isolctl kernel install /opt/isolctl/${PACKAGE} --gate boot --quiet`

export interface Trials extends Workshop {
  /** `uname -r` of the distribution's kernel, and of one that every boot loader would prefer. */
  readonly stock: string
  readonly newer: string
  /** A machine whose next start is the trial of the newer kernel. */
  beforeTrial(loader: Loader): Promise<VmOptions>
  /** What `kernel list` says of the newer kernel. */
  fate(vm: Vm): Promise<KernelList['kernels'][number] | undefined>
  /** Which kernel the machine ended up with. The one on trial may be left before its agent has said a word. */
  afterTrial(vm: Vm): Promise<string>
}

/** `files`: what is to lie beside isolctl, made of the newer kernel's package. */
export async function openTrials(
  files: (debian: string, folder: string) => Promise<Readonly<Record<string, string>>> = async () => ({}),
): Promise<Trials> {
  const names = await debianKernels()
  const [stock, newer] = [releaseOf(names.stock), releaseOf(names.newer)]
  const workshop = await openWorkshop(async (folder) => {
    const debian = await fetchPackage(names.newer, folder)
    return {[PACKAGE]: await unpacked(debian), ...(await files(debian, folder))}
  })
  const fate: Trials['fate'] = async (vm) => {
    const {kernels} = KernelListSchema.parse(JSON.parse(await vm.must('isolctl kernel list --json')))
    return kernels.find(({release}) => release === newer)
  }
  /** Installed once, because emulated that takes minutes. */
  const installed = new Map<Loader, Promise<VmOptions>>()
  const install = async (loader: Loader) => {
    const options = await workshop.machine(loader)
    await inside(options, async (vm) => {
      await vm.must(INSTALL)
      expect(await fate(vm)).toMatchObject({default: false, fate: {what: 'waiting'}})
    })
    return options
  }
  return {
    ...workshop,
    stock,
    newer,
    fate,
    async beforeTrial(loader) {
      const machine = installed.get(loader) ?? install(loader)
      installed.set(loader, machine)
      return await workshop.copyOf(await machine)
    },
    async afterTrial(vm) {
      const {release} = await vm.ready()
      return release === newer ? (await vm.ready()).release : release
    },
  }
}
