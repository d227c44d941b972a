// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {optional} from '../facts/fact.ts'
import {DEEPEST_US, idleStates, resumeLatencies} from '../facts/idle.ts'
import {settings} from '../facts/settings.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'cstate-limit',
  title: 'isolated CPUs wake up without delay',
  why: 'When a program waits, its CPU enters an idle state. The CPU needs hundreds of microseconds to leave the deepest ones.',
  values:
    'The time in microseconds that the CPU needs to leave the deepest enabled idle state, as its driver declares it.',
  facts: {
    cmdline: optional(cmdline),
    idleStates,
    resumeLatencies: optional(resumeLatencies),
    settings,
  },
  skip: ({cmdline, idleStates}) =>
    cmdline && valuesOf(cmdline, 'idle').includes('poll')
      ? 'idle=poll: they never sleep'
      : idleStates.length === 0
        ? 'the kernel has no idle driver here'
        : undefined,
  judge({idleStates, resumeLatencies = [], settings: {isolated}}) {
    const unreported = isolated.minus(CpuSet.from(idleStates.map(({cpu}) => cpu)))
    if (!unreported.isEmpty) return {unknown: `CPU ${unreported} has no idle states in sysfs`}
    const odd = idleStates.find(({latencyUs}) => !Number.isFinite(latencyUs))
    if (odd) return {unknown: `the latency of idle state ${odd.name} is no number`}
    // "n/a" bars every state with a latency; a number bars what takes longer.
    const barred = new Map(
      resumeLatencies.map(({path, text}) => [
        Number(/cpu(\d+)\/power/.exec(path)?.[1]),
        text === 'n/a' ? 0 : Number(text) || Number.POSITIVE_INFINITY,
      ]),
    )
    const groups = new Map<string, {cpus: number[]; name: string; latencyUs: number}>()
    for (const {cpu, name, latencyUs, disable} of idleStates) {
      const usable = disable.text === '0' && latencyUs <= (barred.get(cpu) ?? Number.POSITIVE_INFINITY)
      if (!usable || latencyUs <= DEEPEST_US) continue
      const group = groups.get(`${name} ${latencyUs}`) ?? {cpus: [], name, latencyUs}
      group.cpus.push(cpu)
      groups.set(`${name} ${latencyUs}`, group)
    }
    return [...groups.values()].map(({cpus, name, latencyUs}) => ({
      severity: 'warn' as const,
      subject: 'idle state',
      message: `CPU ${CpuSet.from(cpus)} may enter ${name}, and needs ${latencyUs} us to leave it`,
      cpus: CpuSet.from(cpus),
      expected: `at most ${DEEPEST_US} us`,
      actual: `${latencyUs} us`,
    }))
  },
  evidence: () => `at most ${DEEPEST_US} us`,
  remedy: {text: 'disable the deep idle states of the isolated CPUs', step: 'idle-states'},
  reference: 'Documentation/admin-guide/pm/cpuidle.rst',
})
