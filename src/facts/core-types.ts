// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, parsed} from './fact.ts'

const TYPES = ['cpu_core', 'cpu_atom', 'cpu_lowpower'] as const

/** CPUs of each kind on a hybrid Intel machine (arch/x86/events/intel/core.c: hybrid PMUs); undefined on all others. */
export const coreTypes = defineFact<ReadonlyMap<string, CpuSet> | undefined>('core-types', async (host) => {
  const found = new Map<string, CpuSet>()
  for (const type of TYPES) {
    const path = `/sys/devices/${type}/cpus`
    const text = await host.read(path)
    if (text !== undefined) found.set(type, parsed(path, text.replaceAll('\0', ''), CpuSet.parse))
  }
  return found.size === 0 ? undefined : found
})
