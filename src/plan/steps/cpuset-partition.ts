// SPDX-License-Identifier: MIT
import {PARTITION, partitionState, SUBTREE_CONTROL} from '../../facts/cgroup.ts'
import {bootIsolated} from '../../facts/cpus.ts'
import {settings} from '../../facts/settings.ts'
import type {Change} from '../../model/change.ts'
import {defineStep} from '../step.ts'

export const cpusetPartition = defineStep({
  id: 'cpuset-partition',
  check: 'isolcpus-effective',
  title: ({isolated}) => `Put CPUs ${isolated} into an isolated cpuset partition`,
  blast: `all tasks leave these CPUs now; only programs in the cgroup ${PARTITION} can use them`,
  onRequest: 'limits where programs for isolated CPUs can be started',
  facts: {settings, partitionState, bootIsolated},
  plan({settings: {isolated}, partitionState, bootIsolated}) {
    if (partitionState === undefined) throw new Error('cgroup v2 is not mounted at /sys/fs/cgroup')
    const {cpuset, enabled, exists, partition = 'member', cpus = ''} = partitionState
    if (!cpuset) throw new Error('this kernel has no cpuset controller in cgroup v2')
    if (partition === 'isolated' && cpus === `${isolated}`) return {changes: []}
    // kernel/cgroup/cpuset.c refuses a partition of CPUs that are in isolcpus= (6.12:
    // prstate_housekeeping_conflict).
    const held = isolated.intersect(bootIsolated)
    if (isolated.equals(held))
      return {
        changes: [],
        notes: [{subject: `CPUs ${isolated}`, reason: 'already isolated by isolcpus='}],
      }
    if (!held.isEmpty)
      throw new Error(`CPUs ${held} are in isolcpus=, and a partition of them would be invalid`)
    const file = (name: string) => `${PARTITION}/${name}`
    const changes: Change[] = [
      ...(enabled
        ? []
        : [{kind: 'set', path: SUBTREE_CONTROL, from: '-cpuset', to: '+cpuset', format: 'word'} as const]),
      ...(exists ? [] : [{kind: 'folder', path: PARTITION, from: null, to: ''} as const]),
      {kind: 'set', path: file('cpuset.cpus'), from: cpus, to: `${isolated}`, format: 'cpulist'},
      // The kernel accepts the word and may print "isolated invalid (why)" afterwards; the value is
      // read back for that reason.
      {kind: 'set', path: file('cpuset.cpus.partition'), from: partition, to: 'isolated'},
    ]
    return {changes}
  },
})
