// SPDX-License-Identifier: MIT
import {CpuSet} from '../lib/cpuset.ts'
import {defineFact} from './fact.ts'

/**
 * CPUs in isolated cpuset partitions (since 6.7; kernel/cgroup/cpuset.c). They do not show in
 * /sys/devices/system/cpu/isolated. Empty where cgroup v2 or the file is absent: then there is no such partition that
 * this kernel would tell of.
 */
export const partitioned = defineFact<CpuSet>('partitioned', async (host) =>
  CpuSet.parse((await host.read('/sys/fs/cgroup/cpuset.cpus.isolated')) ?? ''),
)
