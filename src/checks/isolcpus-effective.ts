// SPDX-License-Identifier: MIT
import {managedIrqFlag} from '../boot/arguments.ts'
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {bootIsolated} from '../facts/cpus.ts'
import {partitioned} from '../facts/cpuset-partitions.ts'
import {optional} from '../facts/fact.ts'
import {kernel} from '../facts/kernel.ts'
import {settings} from '../facts/settings.ts'
import {bootRemedy, bootState} from '../measure/remedies/boot.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'isolcpus-effective',
  title: 'isolated CPUs are out of load balancing',
  why: 'The scheduler moves tasks to any CPU of a scheduling domain. Isolated CPUs must be in no domain: through isolcpus=domain at boot, or an isolated cpuset partition.',
  values: 'The CPUs without load balancing. A missing CPU fails; further CPUs warn.',
  facts: {
    bootIsolated,
    bootState,
    cmdline: optional(cmdline),
    kernel: optional(kernel),
    partitioned: optional(partitioned),
    settings,
  },
  judge({bootIsolated, cmdline, partitioned, settings: {isolated, unavailable = CpuSet.empty}}) {
    const effective = bootIsolated.union(partitioned ?? CpuSet.empty)
    const [missing, extra] = [isolated.minus(effective), effective.minus(isolated).minus(unavailable)]
    const [booted] = cmdline ? valuesOf(cmdline, 'isolcpus') : []
    if (!missing.isEmpty && partitioned === undefined)
      return {unknown: `CPU ${missing} is not in isolcpus=, and cpuset partitions cannot be read`}
    if (!missing.isEmpty)
      return [
        {
          severity: 'fail',
          subject: '/sys/devices/system/cpu/isolated',
          message: `CPU ${missing} takes part in load balancing${booted === undefined ? '' : `, though booted with isolcpus=${booted}`}`,
          cpus: missing,
          expected: `${isolated}`,
          actual: `${effective}` || 'none',
        },
      ]
    if (extra.isEmpty) return []
    return [
      {
        severity: 'warn',
        subject: '/sys/devices/system/cpu/isolated',
        message: `CPU ${extra} is isolated too, and the scheduler moves no task to it`,
        expected: `${isolated}`,
        actual: `${effective}`,
      },
    ]
  },
  evidence: ({bootIsolated, partitioned}) => `${bootIsolated.union(partitioned ?? CpuSet.empty)}`,
  remedy: ({bootState, kernel, settings}) =>
    settings.boot?.isolation === 'dynamic'
      ? {text: 'make them an isolated cpuset partition', step: 'cpuset-partition'}
      : bootRemedy(
          `isolcpus=${['domain', ...managedIrqFlag(kernel), settings.isolated].join(',')}`,
          settings,
          bootState,
        ),
  reference: 'kernel/sched/isolation.c: housekeeping_isolcpus_setup',
})
