// SPDX-License-Identifier: MIT

import {tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, type Fact, mustRead} from './fact.ts'

const CPU = '/sys/devices/system/cpu'

/**
 * A cpulist file. An empty line is the empty set, and so is "(null)": what kernels with CPUMASK_OFFSTACK print for an
 * unset nohz_full (kernel/time/tick-sched.c, drivers/base/cpu.c).
 */
const cpulistFile = (id: string, path: string): Fact<CpuSet> =>
  defineFact(id, async (host) => {
    const text = (await mustRead(host, path)).replace('(null)', '').trim()
    try {
      return CpuSet.parse(text)
    } catch (cause) {
      throw new Error(`${path}: ${(cause as Error).message}`, {cause})
    }
  })

export const possible = cpulistFile('possible', `${CPU}/possible`)
export const present = cpulistFile('present', `${CPU}/present`)
export const online = cpulistFile('online', `${CPU}/online`)
/** CPUs removed from the scheduling domains at boot (isolcpus=domain). */
export const bootIsolated = cpulistFile('isolated', `${CPU}/isolated`)
const declaredNohzFull = cpulistFile('nohz_full', `${CPU}/nohz_full`)

/**
 * CPUs whose tick may stop while one task runs (nohz_full=). Empty when a running kernel lacks the
 * file, because it was built without CONFIG_NO_HZ_FULL.
 */
export const nohzFull = defineFact<CpuSet>('nohz-full', async (host, get) =>
  tellsAbsence(host) && (await host.read(`${CPU}/nohz_full`)) === undefined
    ? CpuSet.empty
    : get(declaredNohzFull),
)
