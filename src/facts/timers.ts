// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {defineFact, mustRead} from './fact.ts'

export interface CpuTimers {
  /**
   * Functions of the high-resolution timers armed on the CPU: "watchdog_timer_fn", "dl_task_timer".
   */
  readonly functions: readonly string[]
  /**
   * The state in the tick code. It is also true for an idle CPU, so it is no proof alone.
   */
  readonly tickStopped?: boolean
}

/** Whether a timer function is that of the scheduler tick. Linux 6.9 renamed it. Pure. */
export const isTick = (name: string): boolean => name === 'tick_nohz_handler' || name === 'tick_sched_timer'

/**
 * The armed timers of all CPUs at this moment. For the tick, only a reading while the CPU is busy
 * has a meaning: see measure/watch.ts.
 */
export const timers = defineFact<ReadonlyMap<number, CpuTimers>>('timers', readTimers)

/** Read /proc/timer_list, root only (kernel/time/timer_list.c). */
export async function readTimers(host: HostView): Promise<ReadonlyMap<number, CpuTimers>> {
  return parseTimers(await mustRead(host, '/proc/timer_list'))
}

/**
 * Parse the blocks "cpu: 3"; timers look like " #0: <0000000012345678>, tick_nohz_handler, S:01".
 * Pure.
 */
export function parseTimers(text: string): ReadonlyMap<number, CpuTimers> {
  const [perCpu = ''] = text.split(/^Tick Device:/m)
  return new Map(
    perCpu
      .split(/^cpu:\s*/m)
      .slice(1)
      .map((block) => {
        const stopped = /^\s*\.tick_stopped\s*:\s*(\d)/m.exec(block)?.[1]
        return [
          Number.parseInt(block, 10),
          {
            functions: [...block.matchAll(/^\s*#\d+:\s*<[^>]*>,\s*([^,\s]+)/gm)].map(([, name = '']) => name),
            ...(stopped === undefined ? {} : {tickStopped: stopped === '1'}),
          },
        ]
      }),
  )
}
