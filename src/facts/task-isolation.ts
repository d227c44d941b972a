// SPDX-License-Identifier: MIT
import {CpuSet} from '../lib/cpuset.ts'
import {defineFact} from './fact.ts'

/** CPUs that may enter task isolation; undefined when the kernel does not have it. The patch series adds the file. */
export const eligible = defineFact<CpuSet | undefined>('task_isolation', async (host) => {
  const text = await host.read('/sys/devices/system/cpu/task_isolation')
  return text === undefined ? undefined : CpuSet.parse(text.replace('(null)', ''))
})
