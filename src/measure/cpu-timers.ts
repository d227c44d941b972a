// SPDX-License-Identifier: MIT
import {defineFact} from '../facts/fact.ts'
import {type Worker, workload} from './workload.ts'

/**
 * Programs on isolated CPUs with timers that count CPU time: the clock ids 2, 3 and those below 0
 * in /proc/PID/timers (proc(5)). Undefined if the kernel was built without this file
 * (CONFIG_CHECKPOINT_RESTORE).
 */
export const cpuTimerUsers = defineFact<readonly Worker[] | undefined>(
  'cpu-timer-users',
  async (host, get) => {
    const programs = new Map((await get(workload)).map((thread) => [thread.pid, thread]))
    const users: Worker[] = []
    for (const [pid, thread] of programs) {
      const path = `/proc/${pid}/timers`
      const text = await host.read(path) // no byte: the program has no timer
      if (text === undefined) return undefined
      if (text !== '' && !/^ID: \d+$/m.test(text)) throw new Error(`${path}: not a list of timers`)
      const clocks = [...text.matchAll(/^ClockID:\s*(-?\d+)/gm)].map(([, id]) => Number(id))
      if (clocks.some((id) => id < 0 || id === 2 || id === 3)) users.push(thread)
    }
    return users
  },
)
