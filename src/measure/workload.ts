// SPDX-License-Identifier: MIT

import {defineFact} from '../facts/fact.ts'
import {settings} from '../facts/settings.ts'
import {tasks} from '../facts/tasks.ts'
import {NotMeasured} from '../host/host.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {probe, requireWhole, watched} from './watch.ts'

/** A user thread that may run only on isolated CPUs: the machine is isolated for it. */
export interface Worker {
  readonly pid: number
  readonly tid: number
  readonly comm: string
  readonly allowed: CpuSet
}

export const workload = defineFact<readonly Worker[]>('workload', async (_host, get) => {
  const {isolated} = await get(settings)
  return (await get(tasks)).filter(({kernel, allowed}) => !kernel && allowed.isSubsetOf(isolated))
})

export interface TakenFrom {
  readonly seconds: number
  /**
   * Thread id to the number of involuntary context switches. Threads that ended in the window are
   * left out.
   */
  readonly times: ReadonlyMap<number, number>
}

/**
 * How often the workload lost its CPU in the window, which is also the window of the other
 * measurements. Empty under load: the spinners of isolctl then share these CPUs.
 */
export const takenFrom = defineFact<TakenFrom>('taken-from', async (host, get) => {
  const {live} = host
  if (!live) throw new NotMeasured('a captured machine cannot be measured')
  const threads = await get(workload)
  if (threads.length === 0 || (await get(probe)).spin) return {seconds: 0, times: new Map()}
  const count = async () => {
    const counts = new Map<number, number>()
    for (const {pid, tid} of threads) {
      const status = await host.read(`/proc/${pid}/task/${tid}/status`)
      const times = /^nonvoluntary_ctxt_switches:\s*(\d+)$/m.exec(status ?? '')?.[1]
      if (times !== undefined) counts.set(tid, Number(times))
    }
    return counts
  }
  const start = live.monotonicMs()
  const before = await count()
  await get(watched)
  const {windowMs} = await get(settings)
  const rest = windowMs - (live.monotonicMs() - start)
  if (rest > 0) await live.sleep(rest) // another check has already waited for the window
  const after = await count()
  const measuredMs = live.monotonicMs() - start
  requireWhole(measuredMs, windowMs)
  return {
    seconds: measuredMs / 1000,
    times: new Map(
      [...after].flatMap(([tid, times]) => {
        const was = before.get(tid)
        return was === undefined ? [] : [[tid, times - was] as const]
      }),
    ),
  }
})
