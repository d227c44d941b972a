// SPDX-License-Identifier: MIT

import type {CpuSet} from '../model/cpuset.ts'
import type {Settings} from '../model/settings.ts'

/**
 * What remains of a CPU set when the isolated CPUs leave it: the operator's own choice, where that still names an online
 * CPU (the kernel refuses a set without one), else all housekeeping CPUs. Never touches an isolated CPU, never empty.
 */
export function quietSet(cpus: CpuSet, {isolated, housekeeping}: Settings): CpuSet {
  const rest = cpus.minus(isolated)
  return rest.intersect(housekeeping).isEmpty ? housekeeping : rest
}
