// SPDX-License-Identifier: MIT
import {CGROUP, type Cpuset, cgroupVersion, cpusets, withoutVersion2} from '../facts/cgroup.ts'
import {bootIsolated} from '../facts/cpus.ts'
import {kernel} from '../facts/kernel.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

/** Partitions over CPUs that isolcpus= has taken out of load balancing as well. */
const doubled = (cpusets: readonly Cpuset[], bootIsolated: CpuSet) =>
  cpusets.filter(
    ({partition = 'member', cpus}) => partition !== 'member' && !cpus.isDisjointFrom(bootIsolated),
  )

export default defineCheck({
  id: 'partition-vs-isolcpus',
  title: 'partitions and isolcpus do not collide',
  why: 'Since Linux 6.7, the kernel refuses an isolated partition directly below the root over CPUs that isolcpus=domain names. Up to 6.1 it accepts it, and it always accepts a remote partition (cpuset.cpus.exclusive).',
  values:
    'The CPUs that are in both. A partition that the kernel made invalid fails; one that it accepted passes.',
  facts: {bootIsolated, cgroupVersion, cpusets, kernel},
  skip: ({bootIsolated, cgroupVersion, cpusets}) =>
    withoutVersion2(cgroupVersion) ??
    (bootIsolated.isEmpty
      ? 'isolcpus= names no CPU'
      : doubled(cpusets, bootIsolated).length === 0
        ? 'no partition has CPUs of isolcpus='
        : undefined),
  judge: ({bootIsolated, cpusets, kernel: {release}}) =>
    doubled(cpusets, bootIsolated)
      .filter(({partition = ''}) => partition.includes('invalid'))
      .map(({path, partition, cpus}) => ({
        severity: 'fail' as const,
        subject: `${CGROUP}${path}/cpuset.cpus.partition`,
        message: `Linux ${release} does not take it beside isolcpus=: ${partition}`,
        cpus: cpus.intersect(bootIsolated),
        expected: 'one of the two',
        actual: `isolcpus ${bootIsolated} and a partition with ${cpus}`,
      })),
  evidence: ({kernel: {release}}) => `${release} takes both`,
  remedy: {
    text: 'keep one of them: remove the flag domain of isolcpus, or the partition',
  },
  reference: 'kernel/cgroup/cpuset.c: prstate_housekeeping_conflict',
})
