// SPDX-License-Identifier: MIT

import type {Cmdline} from '../boot/cmdline.ts'
import {isolationOf} from '../boot/isolation.ts'
import {cmdline} from '../facts/cmdline.ts'
import {bootIsolated, nohzFull, possible} from '../facts/cpus.ts'
import {optional} from '../facts/fact.ts'
import {type Kernel, kernel} from '../facts/kernel.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

/**
 * The CPUs of nohz_full= with the boot CPU, which keeps its tick and so is not in the file
 * nohz_full, and which unbound work nevertheless avoids.
 */
function busyFree({
  cmdline,
  kernel,
  nohzFull,
  possible,
}: {
  readonly cmdline: Cmdline | undefined
  readonly kernel: Kernel | undefined
  readonly nohzFull: CpuSet
  readonly possible: CpuSet
}): CpuSet {
  if (cmdline === undefined || kernel === undefined) return nohzFull
  const {unbound} = isolationOf(cmdline, {kernel, count: Math.max(...possible) + 1})
  return unbound.has(0) ? nohzFull.union(CpuSet.of(0)) : nohzFull
}

export default defineCheck({
  id: 'housekeeping-intersect',
  title: 'isolcpus and nohz_full leave a common CPU',
  why: 'Unbound work needs a CPU that is in neither list. If isolcpus and nohz_full name complementary sets, there is none: Linux 6.1 then has an empty workqueue mask, and newer kernels drop one of the arguments.',
  values:
    'The CPUs that are in neither list. At least one passes. With none, the kernel drops nohz_full without an error.',
  facts: {bootIsolated, cmdline: optional(cmdline), kernel: optional(kernel), nohzFull, possible},
  judge(facts) {
    const {bootIsolated, possible} = facts
    const nohzFull = busyFree(facts)
    const common = possible.minus(bootIsolated).minus(nohzFull)
    if (!common.isEmpty) return []
    return [
      {
        severity: 'fail',
        message: `no CPU is left: isolcpus takes ${bootIsolated}, nohz_full takes ${nohzFull}`,
        expected: 'a CPU in neither',
        actual: `none of ${possible}`,
      },
    ]
  },
  evidence: (facts) => `${facts.possible.minus(facts.bootIsolated).minus(busyFree(facts))}`,
  remedy: {text: 'give isolcpus and nohz_full the same list, and reboot'},
  reference: 'kernel/sched/isolation.c: housekeeping_setup',
})
