// SPDX-License-Identifier: MIT

import {tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {readCpulist} from './cpu-files.ts'
import {defineFact, type Fact} from './fact.ts'

const CPU = '/sys/devices/system/cpu'

const cpulistFile = (id: string, path: string): Fact<CpuSet> =>
  defineFact(id, async (host) => {
    const cpus = await readCpulist(host, path)
    if (cpus === undefined) throw new Error(`${path} does not exist`)
    return cpus
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
