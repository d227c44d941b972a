// SPDX-License-Identifier: MIT

import {present} from '../facts/cpus.ts'
import {onlineOrDerived} from '../facts/derived-cpus.ts'
import {settings} from '../facts/settings.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Finding} from '../model/finding.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'cpus-exist-online',
  title: 'every isolated CPU exists and is online',
  why: 'A list that was written for another machine, or before a CPU was taken offline, isolates fewer CPUs than it names.',
  values: 'A CPU that does not exist or is offline fails: no other check can say anything about it.',
  facts: {onlineOrDerived, present, settings},
  judge({onlineOrDerived: {cpus: online, derivedFrom}, present, settings}) {
    const isolated = settings.isolated.union(settings.unavailable ?? CpuSet.empty)
    const [absent, offline] = [isolated.minus(present), isolated.intersect(present).minus(online)]
    const findings: Finding[] = []
    if (!absent.isEmpty)
      findings.push({
        severity: 'fail',
        message: `there is no CPU ${absent}`,
        cpus: absent,
        expected: `CPUs out of ${present}`,
      })
    if (!offline.isEmpty)
      findings.push({
        severity: 'fail',
        message: `CPU ${offline} is offline`,
        cpus: offline,
        expected: 'online',
        remedy: {
          text: 'bring it online',
          command: `echo 1 > /sys/devices/system/cpu/cpu${[...offline][0]}/online`,
        },
      })
    if (findings.length === 0 && derivedFrom !== undefined)
      return {
        unknown: `/sys/devices/system/cpu/online was not captured; according to ${derivedFrom}, CPU ${online} are online`,
      }
    return findings
  },
  evidence: ({settings: {isolated}}) => `${isolated}`,
  reference: 'Documentation/core-api/cpu_hotplug.rst',
})
