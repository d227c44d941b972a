// SPDX-License-Identifier: MIT
import {type BuildOptions, type BuiltKernel, buildKernel} from '../kernel/build.ts'

/** The lab's kernel: from the cache, or built now, which takes minutes. Throws as buildKernel does. */
export async function labKernel(options: Omit<BuildOptions, 'flavour'>): Promise<BuiltKernel> {
  return await buildKernel({...options, flavour: 'lab'})
}
