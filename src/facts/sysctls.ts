// SPDX-License-Identifier: MIT
import {CpuSet} from '../lib/cpuset.ts'
import {defineFact, type Fact, mustRead} from './fact.ts'

const integer = (id: string, path: string): Fact<number> =>
  defineFact(id, async (host) => {
    const text = (await mustRead(host, path)).trim()
    if (!/^-?\d+$/.test(text)) throw new Error(`${path}: not a number: "${text}"`)
    return Number(text)
  })

/** Microseconds of each period that real-time tasks may take; -1: no limit (kernel/sched/rt.c). */
export const rtRuntimeUs = integer('rt-runtime', '/proc/sys/kernel/sched_rt_runtime_us')
export const statInterval = integer('stat-interval', '/proc/sys/vm/stat_interval')

/** The lockup detectors (kernel/watchdog.c). A kernel built without them has none of the files. */
export interface Watchdog {
  readonly soft: boolean
  readonly nmi: boolean
  readonly cpus: CpuSet
}

export const watchdog = defineFact<Watchdog | undefined>('watchdog', async (host) => {
  const folder = '/proc/sys/kernel'
  if ((await host.list(folder)).length === 0) throw new Error(`${folder} does not exist`)
  const on = async (name: string) => (await host.read(`${folder}/${name}`))?.trim() === '1'
  const cpus = await host.read(`${folder}/watchdog_cpumask`)
  if (cpus === undefined) return undefined
  return {soft: await on('soft_watchdog'), nmi: await on('nmi_watchdog'), cpus: CpuSet.parse(cpus)}
})
