// SPDX-License-Identifier: MIT
import {CpuSet} from '../lib/cpuset.ts'
import {online} from './cpus.ts'
import {defineFact} from './fact.ts'

const CPU = '/sys/devices/system/cpu'

/** Online CPU to all CPUs of its core, itself included (drivers/base/topology.c). The file had another name before 5.3. */
export const siblings = defineFact<ReadonlyMap<number, CpuSet>>('siblings', async (host, get) => {
  const entries = await Promise.all(
    [...(await get(online))].map(async (cpu) => {
      const folder = `${CPU}/cpu${cpu}/topology`
      const list =
        (await host.read(`${folder}/core_cpus_list`)) ?? (await host.read(`${folder}/thread_siblings_list`))
      if (list !== undefined) return [cpu, CpuSet.parse(list)] as const
      const mask = (await host.read(`${folder}/core_cpus`)) ?? (await host.read(`${folder}/thread_siblings`))
      if (mask !== undefined) return [cpu, CpuSet.fromMask(mask)] as const
      throw new Error(`${folder}/core_cpus_list does not exist`)
    }),
  )
  return new Map(entries)
})
