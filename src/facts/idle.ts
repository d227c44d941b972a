// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact} from './fact.ts'
import {type Knob, readKnob} from './knob.ts'
import {settings} from './settings.ts'

const CPU = '/sys/devices/system/cpu'

/** The exit latency in microseconds above which a state counts as deep: C1 takes 1 to 2, C1E 10. */
export const DEEPEST_US = 10

/** One idle state of one CPU (Documentation/admin-guide/pm/cpuidle.rst). */
export interface IdleState {
  readonly cpu: number
  /** "POLL", "C1", "C6". */
  readonly name: string
  /** Exit latency in microseconds. */
  readonly latencyUs: number
  /** "1": the kernel does not use the state. */
  readonly disable: Knob
}

/**
 * The idle states of the isolated CPUs; empty when the kernel has no cpuidle driver, as in most
 * virtual machines.
 */
export const idleStates = defineFact<readonly IdleState[]>('idle-states', async (host, get) => {
  const {isolated} = await get(settings)
  const states: IdleState[] = []
  for (const cpu of isolated)
    for (const state of await host.list(`${CPU}/cpu${cpu}/cpuidle`)) {
      const folder = `${CPU}/cpu${cpu}/cpuidle/${state}`
      const disable = await readKnob(host, `${folder}/disable`)
      const name = await host.read(`${folder}/name`)
      const latency = await host.read(`${folder}/latency`)
      if (disable && latency)
        states.push({cpu, name: name?.trim() ?? state, latencyUs: Number(latency), disable})
    }
  return states
})

/**
 * The limit for the wake-up latency of each isolated CPU in microseconds. "0" is no limit, and
 * "n/a" allows no latency (Documentation/ABI/testing/sysfs-devices-power). Empty when the kernel
 * has no PM QoS for CPUs.
 */
export const resumeLatencies = defineFact<readonly Knob[]>('resume-latencies', async (host, get) => {
  const {isolated} = await get(settings)
  const paths = [...isolated].map((cpu) => `${CPU}/cpu${cpu}/power/pm_qos_resume_latency_us`)
  const knobs = await Promise.all(paths.map((path) => readKnob(host, path)))
  return knobs.filter((each) => each !== undefined)
})

/** CPUs that change frequency together (Documentation/admin-guide/pm/cpufreq.rst). */
export interface FrequencyPolicy {
  readonly cpus: CpuSet
  readonly governor: Knob
  readonly available: readonly string[]
}

/** Empty when there is no frequency scaling. */
export const frequencyPolicies = defineFact<readonly FrequencyPolicy[]>(
  'frequency-policies',
  async (host) => {
    const folder = `${CPU}/cpufreq`
    const policies: FrequencyPolicy[] = []
    for (const name of await host.list(folder)) {
      if (!/^policy\d+$/.test(name)) continue
      const governor = await readKnob(host, `${folder}/${name}/scaling_governor`)
      const cpus = await host.read(`${folder}/${name}/affected_cpus`)
      const available = await host.read(`${folder}/${name}/scaling_available_governors`)
      if (governor === undefined || cpus === undefined) continue // all of its CPUs are offline
      // Separated by blanks: this file is not a cpulist.
      const numbers = cpus.trim().split(/\s+/).filter(Boolean)
      policies.push({
        cpus: CpuSet.from(numbers.map(Number)),
        governor,
        available: (available ?? '').trim().split(/\s+/).filter(Boolean),
      })
    }
    return policies
  },
)
