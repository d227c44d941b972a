// SPDX-License-Identifier: MIT
import {tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, integer, mayList, mustRead, parsed, readInteger, readText, word} from './fact.ts'
import {type Knob, mustKnob, readKnob} from './knob.ts'
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
    for (const state of await mayList(host, `${CPU}/cpu${cpu}/cpuidle`)) {
      if (!/^state\d+$/.test(state)) continue
      const folder = `${CPU}/cpu${cpu}/cpuidle/${state}`
      states.push({
        cpu,
        name: (await readText(host, `${folder}/name`))?.trim() ?? state,
        latencyUs: await readInteger(host, `${folder}/latency`),
        // Two bits: by the operator, and by the driver (drivers/cpuidle/sysfs.c).
        disable: await mustKnob(host, `${folder}/disable`, (text) => integer(text, {most: 3})),
      })
    }
  if (states.length === 0 && !tellsAbsence(host)) throw new Error('the idle states were not captured')
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
  const knobs = await Promise.all(paths.map((path) => readKnob(host, path, latencyLimit)))
  return knobs.filter((each) => each !== undefined)
})

const latencyLimit = (text: string) => text.trim() === 'n/a' || integer(text)

/** CPUs that change frequency together (Documentation/admin-guide/pm/cpufreq.rst). */
export interface FrequencyPolicy {
  readonly cpus: CpuSet
  readonly governor: Knob
  readonly available: readonly string[]
}

/** CPU numbers separated by blanks: this file is not a cpulist. */
const separateCpus = (text: string) =>
  CpuSet.from(
    text
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .map((cpu) => integer(cpu)),
  )

/** Empty when there is no frequency scaling. */
export const frequencyPolicies = defineFact<readonly FrequencyPolicy[]>(
  'frequency-policies',
  async (host) => {
    const folder = `${CPU}/cpufreq`
    const policies: FrequencyPolicy[] = []
    for (const name of await mayList(host, folder)) {
      if (!/^policy\d+$/.test(name)) continue
      const paths = [`${folder}/${name}/scaling_governor`, `${folder}/${name}/affected_cpus`] as const
      const cpus = await host.read(paths[1])
      // All of its CPUs are offline.
      if (cpus === undefined && (await host.read(paths[0])) === undefined) continue
      const governor = await mustKnob(host, paths[0], word)
      const available = await host.read(`${folder}/${name}/scaling_available_governors`)
      policies.push({
        cpus: parsed(paths[1], await mustRead(host, paths[1]), separateCpus),
        governor,
        available: (available ?? '').trim().split(/\s+/).filter(Boolean),
      })
    }
    if (policies.length === 0 && !tellsAbsence(host)) throw new Error(`${folder}: no policy was captured`)
    return policies
  },
)
