// SPDX-License-Identifier: MIT
import {type BuildOptions, buildKernel} from '../kernel/build/build.ts'
import {bzImageOf, type LabKernelRequest, planLabKernel} from '../kernel/build/lab-product.ts'
import type {Built} from '../kernel/build/manifest.ts'
import type {LabManifest} from '../schema/kernel-build.ts'

export type LabKernelOptions = Partial<LabKernelRequest> & Pick<BuildOptions, 'progress' | 'jobs' | 'signal'>
export type LabKernel = Built<LabManifest> & {readonly bzImage: string}

/**
 * The lab's kernel from the cache, or built now, which takes minutes. If `source` is absent, the
 * source is $ISOLCTL_KERNEL_SOURCE, or Debian's archive. Throws as planLabKernel() and
 * buildKernel() do.
 */
export async function labKernel({progress, jobs, ...request}: LabKernelOptions): Promise<LabKernel> {
  const path = request.source?.path ?? process.env['ISOLCTL_KERNEL_SOURCE']
  const plan = await planLabKernel({flavour: 'lab', ...request, source: {...request.source, path}})
  const built = await buildKernel(plan, {progress, jobs, signal: request.signal})
  return {...built, bzImage: bzImageOf(built)}
}
