// SPDX-License-Identifier: MIT
import {bootIsolated, nohzFull} from '../facts/cpus.ts'
import {partitioned} from '../facts/cpuset-partitions.ts'
import {optional} from '../facts/fact.ts'
import {atLeast, kernel} from '../facts/kernel.ts'
import {settings} from '../facts/settings.ts'
import {STAT_INTERVAL, statInterval} from '../facts/sysctls.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

/**
 * Seconds. One interruption a minute or fewer is seldom in a 10 s window, and seldom matters for a
 * deadline.
 */
const RARE = 60

export default defineCheck({
  id: 'vmstat',
  title: 'memory statistics are not collected there',
  why: 'A bound worker on each CPU adds its memory counters to the global ones, every second by default. Since Linux 6.5 the kernel skips isolated CPUs; before, only a long interval helps.',
  values:
    'The seconds between two collections (vm.stat_interval), where the kernel does not skip isolated CPUs.',
  facts: {
    bootIsolated: optional(bootIsolated),
    kernel,
    nohzFull: optional(nohzFull),
    partitioned: optional(partitioned),
    settings,
    statInterval,
  },
  judge({bootIsolated, kernel, nohzFull, partitioned, settings: {isolated}, statInterval}) {
    const none = CpuSet.empty
    const known = (bootIsolated ?? none).union(nohzFull ?? none).union(partitioned ?? none)
    const exempt = atLeast(kernel, 6, 5) ? known : none
    const hit = isolated.minus(exempt)
    if (hit.isEmpty || statInterval >= RARE) return []
    return [
      {
        severity: 'warn',
        subject: STAT_INTERVAL,
        message: `a worker may run on CPU ${hit} every ${statInterval} s`,
        cpus: hit,
        expected: `${RARE} or more`,
        actual: `${statInterval}`,
      },
    ]
  },
  evidence: ({kernel, statInterval}) =>
    atLeast(kernel, 6, 5) ? 'this kernel skips isolated CPUs' : `every ${statInterval} s`,
  remedy: ({kernel}) =>
    atLeast(kernel, 6, 5)
      ? {text: 'isolate them (isolcpus-effective): this kernel skips isolated CPUs'}
      : {text: 'collect them once an hour', step: 'vmstat-interval'},
  reference: 'mm/vmstat.c: vmstat_shepherd',
})
