// SPDX-License-Identifier: MIT

import type {CpuSet} from '../model/cpuset.ts'
import type {Settings} from '../model/settings.ts'

/**
 * A CPU set without the isolated CPUs: what remains of it, when that includes a housekeeping CPU
 * (the kernel refuses a set without an online CPU), else all housekeeping CPUs. Never contains an
 * isolated CPU, never empty. Pure.
 */
export function quietSet(cpus: CpuSet, {isolated, housekeeping}: Settings): CpuSet {
  const rest = cpus.minus(isolated)
  return rest.intersect(housekeeping).isEmpty ? housekeeping : rest
}
