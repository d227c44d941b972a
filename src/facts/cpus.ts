// SPDX-License-Identifier: MIT

import {valuesOf} from '../boot/cmdline.ts'
import {tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {cmdline} from './cmdline.ts'
import {readCpulist} from './cpu-files.ts'
import {defineFact, type Fact} from './fact.ts'
import {kernelConfig} from './kernel-config.ts'

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
 * CPUs whose tick may stop while one task runs (nohz_full=). Empty when a kernel that was built
 * without CONFIG_NO_HZ_FULL lacks the file. Where the configuration is not known, a kernel that was
 * not given the argument counts as such.
 */
export const nohzFull = defineFact<CpuSet>('nohz-full', async (host, get) => {
  if (!tellsAbsence(host) || (await host.read(`${CPU}/nohz_full`)) !== undefined) return get(declaredNohzFull)
  const symbols = (await get(kernelConfig).catch(() => undefined))?.symbols
  const has =
    symbols === undefined
      ? valuesOf(await get(cmdline), 'nohz_full').length > 0
      : symbols.get('NO_HZ_FULL') === 'y'
  return has ? get(declaredNohzFull) : CpuSet.empty
})
