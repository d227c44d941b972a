// SPDX-License-Identifier: MIT
import {cgroupVersion, withoutVersion2} from '../facts/cgroup.ts'
import {bootIsolated} from '../facts/cpus.ts'
import {partitioned} from '../facts/cpuset-partitions.ts'
import {optional} from '../facts/fact.ts'
import {settings} from '../facts/settings.ts'
import {slices} from '../facts/systemd.ts'
import {everyTask, type Listed} from '../facts/tasks.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

const init = (tasks: readonly Listed[]) => tasks.find(({pid, tid}) => pid === 1 && tid === 1)

export default defineCheck({
  id: 'systemd-slices',
  title: 'the slices of systemd are kept off',
  why: 'AllowedCPUs= on the slices limits every service, login and container, also those that set their own affinity. Without it they only inherit an affinity, which they can change.',
  values: 'AllowedCPUs of each slice. Without it, its services may run anywhere.',
  facts: {
    bootIsolated: optional(bootIsolated),
    cgroupVersion,
    everyTask,
    partitioned: optional(partitioned),
    settings,
    slices,
  },
  skip({cgroupVersion, everyTask}) {
    const first = init(everyTask)
    if (first !== undefined && first.comm !== 'systemd') return `PID 1 is ${first.comm}, not systemd`
    return withoutVersion2(cgroupVersion)
  },
  judge({bootIsolated, everyTask, partitioned, settings: {isolated, housekeeping}, slices}) {
    if (init(everyTask) === undefined) return {unknown: '/proc/1 cannot be seen'}
    if (slices.length === 0) return {unknown: 'no slice of systemd can be seen below /sys/fs/cgroup'}
    // A partition takes its CPUs from all other cgroups. isolcpus keeps off tasks that do not set
    // their affinity to these CPUs.
    const none = CpuSet.empty
    const balanced = isolated.minus(bootIsolated ?? none).minus(partitioned ?? none)
    return slices.flatMap(({unit, allowed}) => {
      const open = allowed.isEmpty ? balanced : allowed.intersect(isolated)
      if (open.isEmpty) return []
      return [
        {
          severity: 'warn' as const,
          subject: unit,
          message: allowed.isEmpty
            ? `has no limit, and CPU ${open} takes part in load balancing`
            : `may use CPU ${open}`,
          cpus: open,
          expected: `${housekeeping}`,
          actual: allowed.isEmpty ? 'all' : `${allowed}`,
        },
      ]
    })
  },
  evidence: ({slices}) =>
    slices.every(({allowed}) => allowed.isEmpty) ? 'not bounded, and nothing is balanced there' : 'bounded',
  remedy: {text: 'limit them to the housekeeping CPUs', step: 'systemd-slices'},
  reference: 'systemd.resource-control(5), AllowedCPUs=',
})
