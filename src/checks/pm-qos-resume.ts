// SPDX-License-Identifier: MIT
import {DEEPEST_US, idleStates, resumeLatencies} from '../facts/idle.ts'
import {settings} from '../facts/settings.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

const cpuOf = (path: string) => Number(/cpu(\d+)\/power/.exec(path)?.[1])

export default defineCheck({
  id: 'pm-qos-resume',
  title: 'a wake-up latency is set for isolated CPUs',
  why: 'The idle governor keeps the latency limit of each CPU. In this file, 0 is no limit, and n/a allows no latency at all.',
  values: 'The microseconds that a wake-up may take. n/a allows none; 0 is no limit.',
  facts: {idleStates, resumeLatencies, settings},
  skip: ({idleStates}) =>
    idleStates.length === 0
      ? 'the kernel has no idle driver here'
      : idleStates.every(({latencyUs, disable}) => disable.text === '1' || latencyUs <= DEEPEST_US)
        ? 'no deep idle state is enabled'
        : undefined,
  judge({resumeLatencies, settings: {isolated}}) {
    const unreported = isolated.minus(CpuSet.from(resumeLatencies.map(({path}) => cpuOf(path))))
    if (!unreported.isEmpty) return {unknown: `CPU ${unreported} has no pm_qos_resume_latency_us`}
    const odd = resumeLatencies.find(({text}) => !/^(n\/a|\d{1,10})$/.test(text))
    if (odd) return {unknown: `${odd.path}: not a latency: "${odd.text.slice(0, 40)}"`}
    const deep = resumeLatencies.filter(
      ({text}) => text !== 'n/a' && (Number(text) === 0 || Number(text) > DEEPEST_US),
    )
    const [first] = deep
    if (first === undefined) return []
    const cpus = CpuSet.from(deep.map(({path}) => cpuOf(path)))
    return [
      {
        severity: 'warn',
        subject: first.path,
        message: `CPU ${cpus} may enter its deepest idle state`,
        cpus,
        expected: `n/a, or at most ${DEEPEST_US} us`,
        actual: Number(first.text) === 0 ? '0, which is no limit' : `${first.text} us`,
      },
    ]
  },
  evidence: ({resumeLatencies}) => [...new Set(resumeLatencies.map(({text}) => text))].join(', '),
  remedy: {text: 'allow them no wake-up latency', step: 'pm-qos'},
  reference: 'Documentation/ABI/testing/sysfs-devices-power',
})
