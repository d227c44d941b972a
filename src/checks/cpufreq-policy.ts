// SPDX-License-Identifier: MIT
import {frequencyPolicies} from '../facts/idle.ts'
import {settings} from '../facts/settings.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

/** Both keep the frequency: the highest one, or the one that root set. */
const STEADY = new Set(['performance', 'userspace'])

export default defineCheck({
  id: 'cpufreq-policy',
  title: 'isolated CPUs run at a steady frequency',
  why: 'Other governors follow the load: the frequency is low when the program needs the CPU, and each change stops the program for about ten microseconds.',
  values: 'The governor. performance and userspace keep the frequency; the others follow the load.',
  facts: {frequencyPolicies, settings},
  skip: ({frequencyPolicies}) =>
    frequencyPolicies.length === 0 ? 'the kernel does not scale the frequency here' : undefined,
  judge({frequencyPolicies, settings: {isolated}}) {
    const ours = frequencyPolicies.filter(({cpus}) => !cpus.isDisjointFrom(isolated))
    const unreported = isolated.minus(CpuSet.from(ours.flatMap(({cpus}) => [...cpus])))
    if (!unreported.isEmpty) return {unknown: `no governor is named for CPU ${unreported}`}
    const groups = new Map<string, number[]>()
    for (const {cpus, governor} of ours)
      if (!STEADY.has(governor.text))
        groups.set(governor.text, [...(groups.get(governor.text) ?? []), ...cpus.intersect(isolated)])
    return [...groups].map(([governor, cpus]) => ({
      severity: 'warn' as const,
      subject: 'cpufreq',
      message: `the frequency of CPU ${CpuSet.from(cpus)} follows the load`,
      cpus: CpuSet.from(cpus),
      expected: 'performance',
      actual: governor,
    }))
  },
  evidence: ({frequencyPolicies}) =>
    [...new Set(frequencyPolicies.map(({governor}) => governor.text))].join(', '),
  remedy: ({frequencyPolicies, settings: {isolated}}) =>
    frequencyPolicies.some(
      ({cpus, governor, available}) =>
        !cpus.isDisjointFrom(isolated) && !STEADY.has(governor.text) && available.includes('performance'),
    )
      ? {text: 'choose the governor performance for them', step: 'cpufreq'}
      : {text: 'boot a kernel with CONFIG_CPU_FREQ_GOV_PERFORMANCE, or load the module cpufreq_performance'},
  reference: 'Documentation/admin-guide/pm/cpufreq.rst',
})
