// SPDX-License-Identifier: MIT

import {CpuSet} from '../model/cpuset.ts'
import type {CoreKinds} from '../model/topology.ts'
import {defineFact} from './fact.ts'
import {topology} from './topology.ts'

/** A core this much slower than the fastest one is of another kind; cores of one kind differ by a few per cent. */
const SLOWER = 0.8

/**
 * Undefined on a machine whose cores are all of one kind, or that does not tell. x86 names them (drivers of the PMU:
 * cpu_core, cpu_atom) or rates them (ACPI CPPC, highest_perf); others rate them (cpu_capacity, drivers/base/arch_topology.c).
 */
export const coreKinds = defineFact<CoreKinds | undefined>('core-kinds', async (host, get) => {
  const [core, atom] = await Promise.all(
    ['cpu_core', 'cpu_atom'].map(async (name) => host.read(`/sys/devices/${name}/cpus`)),
  )
  if (core !== undefined && atom !== undefined)
    return {performance: CpuSet.parse(core), efficient: CpuSet.parse(atom)}
  const online = (await get(topology)).filter((cpu) => cpu.online)
  for (const name of ['cpu_capacity', 'acpi_cppc/highest_perf']) {
    const rated = await Promise.all(
      online.map(async ({cpu}) => ({
        cpu,
        rating: Number((await host.read(`/sys/devices/system/cpu/cpu${cpu}/${name}`))?.trim() || Number.NaN),
      })),
    )
    const best = Math.max(...rated.map(({rating}) => rating))
    if (Number.isNaN(best)) continue
    const [slow, fast] = [true, false].map((wanted) =>
      CpuSet.from(rated.filter(({rating}) => rating < best * SLOWER === wanted).map(({cpu}) => cpu)),
    )
    if (slow && fast) return slow.isEmpty ? undefined : {performance: fast, efficient: slow}
  }
  return undefined
})
