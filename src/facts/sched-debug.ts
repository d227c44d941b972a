// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {defineFact} from './fact.ts'

export interface RunQueue {
  /** Runnable tasks, including the running one; 0 when idle. */
  readonly running: number
  /** Context switches since boot. */
  readonly switches: number
  /** Thread id of the running task; 0 is the idle task. */
  readonly current: number
}

const DEBUG = '/sys/kernel/debug/sched/debug'
const BEFORE_5_13 = '/proc/sched_debug'

/** The run queues of all online CPUs at one moment (kernel/sched/debug.c: print_cpu). Root only. */
export const runQueues = defineFact<ReadonlyMap<number, RunQueue>>('run-queues', readRunQueues)

export async function readRunQueues(host: HostView): Promise<ReadonlyMap<number, RunQueue>> {
  const text = (await host.read(DEBUG)) ?? (await host.read(BEFORE_5_13))
  if (text === undefined) throw new Error(`${DEBUG} does not exist: is debugfs mounted?`)
  return parseRunQueues(text)
}

/**
 * Parse the blocks that begin with "cpu#3, 2445.423 MHz" (x86) or "cpu#3"; fields look like "
 * .nr_switches   : 28". Throws Error. Pure.
 */
export function parseRunQueues(text: string): ReadonlyMap<number, RunQueue> {
  const queues = new Map<number, RunQueue>()
  for (const block of text.split(/^cpu#/m).slice(1)) {
    const cpu = Number.parseInt(block, 10)
    const head = block.split('\n\n', 1)[0] ?? ''
    const field = (name: string) => {
      const value = new RegExp(`^\\s*\\.${name}\\s*:\\s*(-?\\d+)`, 'm').exec(head)?.[1]
      if (value === undefined) throw new Error(`${DEBUG}: no ${name} for CPU ${cpu}`)
      return Number(value)
    }
    queues.set(cpu, {
      running: field('nr_running'),
      switches: field('nr_switches'),
      current: field('curr->pid'),
    })
  }
  return queues
}
