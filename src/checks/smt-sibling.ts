// SPDX-License-Identifier: MIT

import {settings} from '../facts/settings.ts'
import {topology} from '../facts/topology.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Cpu} from '../model/topology.ts'
import {defineCheck} from './check.ts'

const siblingsOf = (topology: readonly Cpu[], cpu: number) =>
  topology.find((entry) => entry.cpu === cpu)?.siblings

export default defineCheck({
  id: 'smt-sibling',
  title: 'no isolated CPU shares its core',
  why: 'Two hyperthreads share one core. A task on the sibling slows the isolated program down, and no counter shows it.',
  values:
    'The online siblings of an isolated CPU. They share its execution units and its first-level caches.',
  facts: {settings, topology},
  judge({settings: {isolated}, topology}) {
    const unreported = [...isolated].filter((cpu) => siblingsOf(topology, cpu) === undefined)
    if (unreported.length > 0)
      return {unknown: `the kernel does not report the siblings of CPU ${CpuSet.from(unreported)}`}
    const online = CpuSet.from(topology.filter((entry) => entry.online).map(({cpu}) => cpu))
    return [...isolated].flatMap((cpu) => {
      const others = (siblingsOf(topology, cpu) ?? CpuSet.empty).intersect(online).minus(CpuSet.of(cpu))
      const housekeeping = others.minus(isolated)
      // Two isolated siblings are one finding, for the first of them.
      if (others.isEmpty || (housekeeping.isEmpty && Math.min(...others) < cpu)) return []
      return [
        {
          severity: 'warn' as const,
          message: housekeeping.isEmpty
            ? `CPU ${cpu} and ${others} are one core: use only one of them`
            : `CPU ${cpu} shares its core with housekeeping CPU ${housekeeping}`,
          cpus: CpuSet.of(cpu),
          remedy: housekeeping.isEmpty
            ? {text: 'isolate only one of them'}
            : housekeeping.has(0)
              ? {text: 'isolate a CPU that does not share its core with CPU 0'}
              : {text: 'take the sibling offline, or boot with nosmt', step: 'smt-siblings' as const},
        },
      ]
    })
  },
  evidence: () => 'one thread per core',
  reference: 'Documentation/tools/rtla/rtla-hwnoise.rst',
})
