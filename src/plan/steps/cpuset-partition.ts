// SPDX-License-Identifier: MIT
import {PARTITION, partitionState, SUBTREE_CONTROL} from '../../facts/cgroup.ts'
import {bootIsolated} from '../../facts/cpus.ts'
import {settings} from '../../facts/settings.ts'
import type {Change} from '../../model/change.ts'
import {defineStep} from '../step.ts'

export const cpusetPartition = defineStep({
  id: 'cpuset-partition',
  check: 'isolcpus-effective',
  title: ({isolated}) => `Set CPUs ${isolated} apart as an isolated cpuset partition`,
  blast: `every task leaves these CPUs now; only programs in the cgroup ${PARTITION} can use them`,
  onRequest: 'binds where programs for isolated CPUs can be started',
  facts: {settings, partitionState, bootIsolated},
  plan({settings: {isolated}, partitionState, bootIsolated}) {
    if (partitionState === undefined) throw new Error('cgroup v2 is not mounted at /sys/fs/cgroup')
    const {cpuset, enabled, exists, partition = 'member', cpus = ''} = partitionState
    if (!cpuset) throw new Error('this kernel offers no cpusets in cgroup v2')
    if (partition === 'isolated' && cpus === `${isolated}`) return {changes: []}
    // kernel/cgroup/cpuset.c refuses a partition over CPUs that isolcpus= holds (6.12: prstate_housekeeping_conflict).
    const held = isolated.intersect(bootIsolated)
    if (isolated.equals(held))
      return {
        changes: [],
        notes: [{subject: `CPUs ${isolated}`, reason: 'isolcpus= has set them apart already'}],
      }
    if (!held.isEmpty)
      throw new Error(`isolcpus= holds CPUs ${held}, and a partition over them would be invalid`)
    const file = (name: string) => `${PARTITION}/${name}`
    const changes: Change[] = [
      ...(enabled
        ? []
        : [{kind: 'set', path: SUBTREE_CONTROL, from: '-cpuset', to: '+cpuset', format: 'word'} as const]),
      ...(exists ? [] : [{kind: 'folder', path: PARTITION, from: null, to: ''} as const]),
      {kind: 'set', path: file('cpuset.cpus'), from: cpus, to: `${isolated}`, format: 'cpulist'},
      // The kernel takes any word, and says behind it when it cannot be: that is why everything is read back.
      {kind: 'set', path: file('cpuset.cpus.partition'), from: partition, to: 'isolated'},
    ]
    return {changes}
  },
})
