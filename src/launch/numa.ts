// SPDX-License-Identifier: MIT
import type {CpuSet} from '../model/cpuset.ts'

/**
 * The program's memory comes preferably (local) or only (bind) from the nodes of its isolated CPUs,
 * or from where the kernel's default takes it (none).
 */
export type Numa = (typeof NUMA)[number]
export const NUMA = ['local', 'bind', 'none'] as const

/** The memory policy argument of isol-exec; none when there is nothing to choose. Pure. */
export function memoryPolicy(
  numa: Numa,
  nodes: ReadonlyMap<number, CpuSet>,
  cpus: CpuSet,
): readonly string[] {
  if (numa === 'none' || nodes.size < 2) return []
  const near = [...nodes].filter(([, theirs]) => !theirs.isDisjointFrom(cpus)).map(([node]) => node)
  return near.length === 0 ? [] : [`--memory=${numa === 'bind' ? 'bind' : 'prefer'}:${near.join(',')}`]
}
