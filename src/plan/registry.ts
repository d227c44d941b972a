// SPDX-License-Identifier: MIT
import type {Step} from './step.ts'
import {bootArguments} from './steps/boot-arguments.ts'
import {cpufreq} from './steps/cpufreq.ts'
import {cpusetPartition} from './steps/cpuset-partition.ts'
import {fairServer} from './steps/fair-server.ts'
import {idleStatesStep} from './steps/idle-states.ts'
import {irqAffinity} from './steps/irq-affinity.ts'
import {irqbalanceBan} from './steps/irqbalance-ban.ts'
import {kthreadAffinity} from './steps/kthread-affinity.ts'
import {managementNic} from './steps/management-nic.ts'
import {mcePoll} from './steps/mce-poll.ts'
import {memoryDaemons} from './steps/memory-daemons.ts'
import {persistence} from './steps/persistence.ts'
import {pmQos} from './steps/pm-qos.ts'
import {rcuKthreads} from './steps/rcu-kthreads.ts'
import {rpsXps} from './steps/rps-xps.ts'
import {rtThrottle} from './steps/rt-throttle.ts'
import {smtSiblings} from './steps/smt-siblings.ts'
import {systemdSlices} from './steps/systemd-slices.ts'
import {timerMigrationStep} from './steps/timer-migration.ts'
import {vmstatInterval} from './steps/vmstat-interval.ts'
import {watchdogCpumask} from './steps/watchdog-cpumask.ts'
import {workqueueCpumask} from './steps/workqueue-cpumask.ts'
import {workqueueSysfsCpumasks} from './steps/workqueue-sysfs-cpumasks.ts'

/**
 * All steps, in the order in which they are applied: first those that stop other programs from
 * reverting later ones, then interrupts, then the kernel's own work, then steps that can disconnect
 * the operator.
 */
export const STEPS: readonly Step[] = [
  irqbalanceBan,
  irqAffinity,
  rpsXps,
  workqueueCpumask,
  workqueueSysfsCpumasks,
  kthreadAffinity,
  rcuKthreads,
  watchdogCpumask,
  vmstatInterval,
  mcePoll,
  timerMigrationStep,
  memoryDaemons,
  rtThrottle,
  fairServer,
  cpufreq,
  idleStatesStep,
  pmQos,
  cpusetPartition,
  systemdSlices,
  smtSiblings,
  managementNic,
  bootArguments,
  persistence,
]

/** A choice of steps by id. */
export interface StepChoice {
  /** Only these steps. */
  readonly only?: readonly string[] | undefined
  /** Steps to add that are applied on request only. */
  readonly also?: readonly string[] | undefined
  /** Steps to leave out, unless they are in `only`. */
  readonly never?: readonly string[] | undefined
  /** Leave out the steps that need a reboot. */
  readonly runtime?: boolean | undefined
}

/**
 * The steps to apply, in the order of the registry, and the steps that are available on request.
 * Pure.
 */
export function chooseSteps({only, also = [], never = [], runtime = false}: StepChoice): {
  readonly steps: readonly Step[]
  readonly offered: readonly Step[]
} {
  if (only) return {steps: STEPS.filter(({id}) => only.includes(id)), offered: []}
  const wanted = STEPS.filter(({id, needsReboot}) => !never.includes(id) && !(runtime && needsReboot))
  const asked = ({id, onRequest}: Step) => onRequest === undefined || also.includes(id)
  return {steps: wanted.filter(asked), offered: wanted.filter((step) => !asked(step))}
}
