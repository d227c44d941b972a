// SPDX-License-Identifier: MIT

import type {InterruptClass} from '../../facts/interrupts.ts'
import type {Circumstances} from '../circumstances.ts'
import type {CpuWatch} from '../watch.ts'
import type {Cause, Rung} from './cause.ts'
import {device} from './device.ts'
import {functionCall, irqWork, resched, tlb} from './ipi.ts'
import {machineCheck, nmi} from './nmi.ts'
import {otherTask} from './task.ts'
import {noNohzFull, tickDependency, tickForTwo, unstableClock} from './tick.ts'
import {clockWatchdog, fairServer, localTimer, mcePoll, rtThrottling, softLockup} from './timers.ts'

/** The most certain cause first. The last ones explain all that is left. */
const LADDER: readonly Rung[] = [
  noNohzFull,
  tickForTwo,
  unstableClock,
  tickDependency,
  mcePoll,
  machineCheck,
  nmi,
  softLockup,
  fairServer,
  rtThrottling,
  clockWatchdog,
  otherTask,
  tlb,
  functionCall,
  irqWork,
  resched,
  localTimer,
]

/**
 * Name what disturbed a CPU, from counts, rates and what is known of the machine. The rungs are
 * tried in order, and a count that one rung explains is not given to the next ones. Counts that no
 * rung explains get the cause "unknown". Pure.
 */
export function causesOf(watch: CpuWatch, facts: Circumstances): readonly Cause[] {
  const causes: Cause[] = []
  for (const moved of watch.interrupts.filter((row) => row.class === 'device' || row.class === 'other'))
    causes.push(device(moved, facts))
  let left = watch.interrupts.filter((row) => row.class !== 'device' && row.class !== 'other')
  let ran = watch.ran
  let tasksOpen = true
  for (const rung of LADDER) {
    const count = (...classes: InterruptClass[]) =>
      left.reduce((sum, row) => sum + (classes.includes(row.class) ? row.count : 0), 0)
    const rate = (...classes: InterruptClass[]) => count(...classes) / watch.seconds
    const seen = {watch: tasksOpen ? watch : {...watch, switches: 0}, left, count, rate, ran}
    const explained = rung(seen, facts)
    if (explained === undefined) continue
    const {explains, tasks, ...cause} = explained
    causes.push({...cause, counts: left.filter((row) => explains.includes(row.class))})
    left = left.filter((row) => !explains.includes(row.class))
    if (tasks) {
      ran = []
      tasksOpen = false
    }
  }
  return causes
}
