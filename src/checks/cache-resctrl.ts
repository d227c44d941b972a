// SPDX-License-Identifier: MIT
import {told} from '../facts/fact.ts'
import {type CacheGroup, cacheGroups} from '../facts/resctrl.ts'
import {settings} from '../facts/settings.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

const overlap = (a: CacheGroup, b: CacheGroup) =>
  [...a.ways].some(([id, mask]) => (mask & (b.ways.get(id) ?? 0n)) !== 0n)

export default defineCheck({
  id: 'cache-resctrl',
  title: 'isolated CPUs have cache ways of their own',
  why: 'Programs on housekeeping CPUs evict the data of an isolated program from the shared cache. The program then waits for memory.',
  values:
    'A resctrl group passes if no other group has its cache ways. The default group shares its ways with all others, and warns.',
  extended: true,
  facts: {cacheGroups: told(cacheGroups), settings},
  skip: ({cacheGroups}) =>
    cacheGroups === undefined
      ? 'resctrl is not mounted'
      : cacheGroups.every(({ways}) => ways.size === 0)
        ? 'the cache of this machine cannot be divided'
        : undefined,
  judge({cacheGroups = [], settings: {isolated, housekeeping}}) {
    const groupOf = (cpu: number) => cacheGroups.find(({cpus}) => cpus.has(cpu))
    const unreported = [...isolated].filter((cpu) => groupOf(cpu) === undefined)
    if (unreported.length > 0) return {unknown: `no group of resctrl has CPU ${CpuSet.from(unreported)}`}
    const theirs = new Set([...housekeeping].map(groupOf))
    const shared = [...isolated].filter((cpu) => {
      const own = groupOf(cpu)
      return [...theirs].some((other) => own && other && (own === other || overlap(own, other)))
    })
    if (shared.length === 0) return []
    return [
      {
        severity: 'warn',
        subject: '/sys/fs/resctrl',
        message: `CPU ${CpuSet.from(shared)} shares its cache with housekeeping CPUs`,
        cpus: CpuSet.from(shared),
        expected: 'ways of their own',
      },
    ]
  },
  evidence: () => 'ways of their own',
  remedy: {text: 'make a group for them, and give it ways that no other group has'},
  reference: 'Documentation/arch/x86/resctrl.rst',
})
