// SPDX-License-Identifier: MIT
import {defineFact} from '../facts/fact.ts'
import {type CpuTimers, timers} from '../facts/timers.ts'
import {busy, probe} from './watch.ts'

/** Timers of each CPU: those under load if there was load, otherwise those that are armed now. */
export const armedTimers = defineFact<ReadonlyMap<number, CpuTimers>>('armed-timers', async (host, get) => {
  if (!host.live || !(await get(probe)).spin) return get(timers)
  const {cpus} = await get(busy)
  return new Map(cpus.flatMap(({cpu, timers}) => (timers ? [[cpu, timers] as const] : [])))
})
