// SPDX-License-Identifier: MIT

import {CpuSet} from '../model/cpuset.ts'
import type {CoreKinds} from '../model/topology.ts'
import {readCpulist} from './cpu-files.ts'
import {online} from './cpus.ts'
import {defineFact, integer, parsed, readText} from './fact.ts'
import {topology} from './topology.ts'

/** The PMUs of a hybrid Intel machine, one for each kind of core (arch/x86/events/intel/core.c). */
const PMUS = ['cpu_core', 'cpu_atom', 'cpu_lowpower'] as const

/** Speeds of cores: of arm64 and others (drivers/base/arch_topology.c), and of x86 (ACPI CPPC). */
const RATINGS = ['cpu_capacity', 'acpi_cppc/highest_perf'] as const

/** A core this much slower than the fastest one is of another kind; cores of one kind differ by a few per cent. */
const SLOWER = 0.8

/**
 * CPUs of each kind of core, by the name of the kind: that of its PMU where the kernel has one for each kind, else
 * "performance" and "efficient", by speed. undefined: the cores are all of one kind, or the kernel does not say.
 */
export const coreTypes = defineFact<ReadonlyMap<string, CpuSet> | undefined>(
  'core-types',
  async (host, get) => {
    const named = new Map<string, CpuSet>()
    for (const pmu of PMUS) {
      const cpus =
        (await readCpulist(host, `/sys/devices/${pmu}/cpus`)) ??
        (await readCpulist(host, `/sys/bus/event_source/devices/${pmu}/cpus`))
      if (cpus !== undefined) named.set(pmu, cpus)
    }
    if (named.size > 0) {
      const covered = [...named.values()].reduce((all, cpus) => all.union(cpus), CpuSet.empty)
      const missing = (await get(online)).minus(covered)
      if (!missing.isEmpty) throw new Error(`no core type of /sys/devices has CPU ${missing}`)
      return named
    }
    const present = (await get(topology)).filter((cpu) => cpu.online)
    for (const name of RATINGS) {
      const rated = await Promise.all(
        present.map(async ({cpu}) => {
          const path = `/sys/devices/system/cpu/cpu${cpu}/${name}`
          const text = await readText(host, path)
          return {cpu, rating: text === undefined ? Number.NaN : parsed(path, text, (each) => integer(each))}
        }),
      )
      const best = Math.max(...rated.map(({rating}) => rating))
      if (Number.isNaN(best)) continue
      const slower = ({rating}: {readonly rating: number}) => rating < best * SLOWER
      const efficient = CpuSet.from(rated.filter(slower).map(({cpu}) => cpu))
      if (efficient.isEmpty) return undefined
      const performance = CpuSet.from(rated.filter((each) => !slower(each)).map(({cpu}) => cpu))
      return new Map([
        ['performance', performance],
        ['efficient', efficient],
      ])
    }
    return undefined
  },
)

/**
 * The faster and the slower cores; undefined where there are not both, or the kernel does not say. Low-power cores
 * (cpu_lowpower) are the slowest.
 */
export const coreKinds = defineFact<CoreKinds | undefined>('core-kinds', async (_host, get) => {
  const [fastest, ...slower] = [...((await get(coreTypes))?.values() ?? [])].filter((cpus) => !cpus.isEmpty)
  if (fastest === undefined || slower.length === 0) return undefined
  return {performance: fastest, efficient: slower.reduce((all, cpus) => all.union(cpus)).minus(fastest)}
})
