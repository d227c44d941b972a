// SPDX-License-Identifier: MIT

import {seen} from '../facts/fact.ts'
import {settings} from '../facts/settings.ts'
import {throttling} from '../facts/throttling.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'thermal-throttle',
  title: 'heat has not slowed isolated CPUs down',
  why: 'The hardware slows a hot CPU down, and raises an interrupt at the start and at the end.',
  values: 'How often heat slowed the CPU down since boot.',
  extended: true,
  facts: {counted: seen('/sys/devices/system/cpu/cpu0/thermal_throttle'), settings, throttling},
  skip: ({counted}) => (counted ? undefined : 'this machine does not count thermal throttling'),
  judge({settings: {isolated}, throttling}) {
    const unreported = [...isolated].filter((cpu) => !throttling.has(cpu))
    if (unreported.length > 0) return {unknown: `nothing is counted for CPU ${CpuSet.from(unreported)}`}
    const hot = [...isolated].filter((cpu) => (throttling.get(cpu) ?? 0) > 0)
    if (hot.length === 0) return []
    return [
      {
        severity: 'warn',
        message: `CPU ${CpuSet.from(hot)} was slowed down since boot`,
        cpus: CpuSet.from(hot),
        expected: '0 times',
        actual: `${Math.max(...hot.map((cpu) => throttling.get(cpu) ?? 0))} times`,
      },
    ]
  },
  evidence: () => '0 times since boot',
  remedy: {text: 'check the cooling and the turbo frequency'},
  reference: 'drivers/thermal/intel/therm_throt.c',
})
