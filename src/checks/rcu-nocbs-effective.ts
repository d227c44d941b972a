// SPDX-License-Identifier: MIT
import {nohzFull} from '../facts/cpus.ts'
import {optional} from '../facts/fact.ts'
import {offloadedAtBoot} from '../facts/kernel-log.ts'
import {settings} from '../facts/settings.ts'
import {everyTask} from '../facts/tasks.ts'
import {bootRemedy, bootState} from '../measure/remedies/boot.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

/** "rcuop/3" with preemption, "rcuos/3" without: one per CPU whose callbacks may be offloaded. */
const THREAD = /^rcuo[ps]\/(\d+)$/

export default defineCheck({
  id: 'rcu-nocbs-effective',
  title: 'RCU callbacks are offloaded from isolated CPUs',
  why: 'RCU callbacks without offload run in a softirq on the CPU that queued them, and keep its tick on until they are done. nohz_full implies the offload; rcu_nocbs alone is enough for it.',
  values: 'The CPUs with RCU offload, by the kernel log or by the threads that the kernel started for them.',
  facts: {
    bootState,
    everyTask: optional(everyTask),
    nohzFull: optional(nohzFull),
    offloadedAtBoot: optional(offloadedAtBoot),
    settings,
  },
  judge({everyTask = [], nohzFull, offloadedAtBoot, settings: {isolated}}) {
    const fail = (missing: CpuSet, message: string) => [
      {severity: 'fail' as const, subject: 'RCU', message, cpus: missing, expected: `${isolated}`},
    ]
    const silent = offloadedAtBoot === undefined ? undefined : isolated.minus(offloadedAtBoot)
    if (silent?.isEmpty) return []
    if (silent)
      return fail(silent, `callbacks of CPU ${silent} are not offloaded, according to the kernel log`)
    // Since 5.17 the threads exist for every CPU if one CPU is offloaded: only their absence is
    // evidence.
    const threads = CpuSet.from(everyTask.flatMap(({comm}) => THREAD.exec(comm)?.slice(1).map(Number) ?? []))
    const seesKernelThreads = everyTask.some(({comm}) => comm === 'kthreadd')
    const without = isolated.minus(threads)
    if (seesKernelThreads && !without.isEmpty)
      return fail(without, `there is no rcuo thread for CPU ${without}: its callbacks are not offloaded`)
    if (seesKernelThreads && nohzFull && isolated.isSubsetOf(nohzFull)) return []
    return {unknown: 'neither the start of the kernel log nor the kernel threads can be read'}
  },
  evidence: ({offloadedAtBoot}) =>
    offloadedAtBoot === undefined ? 'implied by nohz_full' : `${offloadedAtBoot}`,
  remedy: ({bootState, settings}) => bootRemedy(`rcu_nocbs=${settings.isolated}`, settings, bootState),
  reference: 'kernel/rcu/tree_nocb.h: rcu_init_nohz',
})
