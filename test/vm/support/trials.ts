// SPDX-License-Identifier: MIT
/** Machines with a kernel for isolctl to try: Debian's own, newer than the running one. */
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
  /** A machine whose next boot is the trial of the newer kernel. */
  beforeTrial(loader: Loader): Promise<VmOptions>
  /** The output of `kernel list` about the newer kernel. */
  fate(vm: Vm): Promise<KernelList['kernels'][number] | undefined>
  /**
   * The kernel that the machine ended up with. The kernel on trial may end before its agent has
   * reported.
   */
  afterTrial(vm: Vm): Promise<string>
}

/** `files`: files to place beside isolctl, made from the package of the newer kernel. */
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
  /** Installed once, because it takes minutes when emulated. */
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
