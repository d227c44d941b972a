// SPDX-License-Identifier: MIT
import {type BuildOptions, type BuiltKernel, buildKernel, type Flavour} from '../kernel/build/lab.ts'

/** The lab's kernel: from the cache, or built now, which takes minutes. Throws as buildKernel does. */
export async function labKernel(
  options: Omit<BuildOptions, 'flavour'> & {readonly flavour?: Flavour},
): Promise<BuiltKernel> {
  return await buildKernel({flavour: 'lab', ...options})
}
