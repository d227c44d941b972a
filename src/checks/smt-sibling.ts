// SPDX-License-Identifier: MIT
import {online} from '../facts/cpus.ts'
import {settings} from '../facts/settings.ts'
import {siblings} from '../facts/siblings.ts'
import {CpuSet} from '../lib/cpuset.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'smt-sibling',
  title: 'no isolated CPU shares its core',
  why: 'Two hyperthreads share one core: whatever runs on the sibling slows the isolated program down, and no counter shows it.',
  facts: {online, settings, siblings},
  judge: ({online, settings: {isolated}, siblings}) =>
    [...isolated].flatMap((cpu) => {
      const others = (siblings.get(cpu) ?? CpuSet.empty).intersect(online).minus(CpuSet.of(cpu))
      const housekeeping = others.minus(isolated)
      // Two isolated siblings are said once, for the first of them.
      if (others.isEmpty || (housekeeping.isEmpty && Math.min(...others) < cpu)) return []
      return [
        {
          severity: 'warn' as const,
          message: housekeeping.isEmpty
            ? `CPU ${cpu} and ${others} are one core: use only one of them`
            : `CPU ${cpu} shares its core with housekeeping CPU ${housekeeping}`,
          cpus: CpuSet.of(cpu),
        },
      ]
    }),
  evidence: () => 'one thread per core',
  remedy: ({settings: {isolated}, siblings}) => {
    const others = [...isolated].flatMap((cpu) =>
      [...(siblings.get(cpu) ?? [])].filter((other) => other > cpu),
    )
    const [first] = others
    return {
      text: 'take the siblings offline, or boot with nosmt',
      ...(first === undefined ? {} : {command: `echo 0 > /sys/devices/system/cpu/cpu${first}/online`}),
    }
  },
  reference: 'Documentation/tools/rtla/rtla-hwnoise.rst',
})
