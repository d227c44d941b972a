// SPDX-License-Identifier: MIT
import {describe, expect, it} from 'vitest'
import {gatherer, given} from '../../src/facts/fact.ts'
import {settings} from '../../src/facts/settings.ts'
import {rtRuntimeUs} from '../../src/facts/sysctls.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import type {Policy} from '../../src/model/policy.ts'

const RT_RUNTIME = '/proc/sys/kernel/sched_rt_runtime_us'
const FAIR_SERVER = '/sys/kernel/debug/sched/fair_server/cpu3/runtime'

/** The value, and whether the file was read. */
async function read(policy: Policy, files: Record<string, string>) {
  const host = memoryHost({'/sys/kernel/debug/sched/debug': '', [RT_RUNTIME]: '950000\n', ...files})
  const seen: string[] = []
  const watching = {
    ...host,
    read: async (path: string) => {
      seen.push(path)
      return host.read(path)
    },
  }
  const asked = {isolated: CpuSet.of(3), housekeeping: CpuSet.of(0), policy, windowMs: 1000}
  const value = await gatherer(watching, [given(settings, asked)])(rtRuntimeUs)
  return {value, opened: seen.includes(RT_RUNTIME)}
}

describe('the real-time limit, which must not be read unnecessarily', () => {
  it('is read only for SCHED_FIFO on a kernel without a fair server', async () => {
    expect(await read({kind: 'fifo', priority: 1}, {})).toEqual({value: 950000, opened: true})
    expect(await read({kind: 'other'}, {})).toEqual({value: undefined, opened: false})
    expect(await read({kind: 'fifo', priority: 1}, {[FAIR_SERVER]: '50000000\n'})).toEqual({
      value: undefined,
      opened: false,
    })
  })
})
