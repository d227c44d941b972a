// SPDX-License-Identifier: MIT
import type {Check} from '../checks/check.ts'
import irqAffinityEffective from '../checks/irq-affinity-effective.ts'
import isolcpusEffective from '../checks/isolcpus-effective.ts'
import mcePoll from '../checks/mce-poll.ts'
import nohzFullEffective from '../checks/nohz-full-effective.ts'
import rtThrottle from '../checks/rt-throttle.ts'
import {runChecks} from '../checks/run.ts'
import softlockupMask from '../checks/softlockup-mask.ts'
import type {Get} from '../facts/fact.ts'
import {guest} from '../facts/guest.ts'
import {clocksource, taskIsolation} from '../facts/platform.ts'
import {
  callers,
  cpuQuota,
  cpusetCpus,
  type Privileges,
  privileges,
  ptraceScope,
  type Quota,
} from '../facts/process.ts'
import {settings} from '../facts/settings.ts'
import {tasks} from '../facts/tasks.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {commandOf} from '../model/finding.ts'

/** A fact that could not be read, with the reason. */
export interface Unknown {
  readonly unknown: string
}

/** What launch depends on: what the machine offers, and what this process may do on it. */
export interface LaunchConditions {
  /** process.arch */
  readonly architecture: string
  /** CPUs that may enter task isolation; undefined: the kernel does not have it. */
  readonly eligible: CpuSet | undefined
  /** A sign that this is a virtual machine, undefined when there is none. */
  readonly guest: string | Unknown | undefined
  /** The clock source in use; undefined when it could not be read. */
  readonly clocksource: string | undefined
  readonly privileges: Privileges | Unknown
  /** CPUs that the cgroup allows; undefined: all. */
  readonly cpuset: CpuSet | Unknown | undefined
  readonly quota: Quota | Unknown | undefined
  readonly ptraceScope: number | undefined
  /** Threads of other programs that may run on the launch CPUs only. */
  readonly pinned: readonly Pinned[] | Unknown
}

export interface Pinned {
  /** Of its process, which can be told to end. */
  readonly pid: number
  readonly tid: number
  readonly name: string
  readonly cpus: CpuSet
}

/** Never rejects, except for task isolation: what cannot be read is `Unknown` or undefined. */
export async function readConditions(get: Get): Promise<LaunchConditions> {
  const tell = <T>(value: Promise<T>) =>
    value.catch((error: unknown): Unknown => ({unknown: error instanceof Error ? error.message : `${error}`}))
  const optional = <T>(value: Promise<T>) => value.catch(() => undefined)
  return {
    architecture: process.arch,
    eligible: await get(taskIsolation),
    guest: await tell(get(guest)),
    clocksource: await optional(get(clocksource)),
    privileges: await tell(get(privileges)),
    cpuset: await tell(get(cpusetCpus)),
    quota: await tell(get(cpuQuota)),
    ptraceScope: await optional(get(ptraceScope)),
    pinned: await tell(pinnedTasks(get)),
  }
}

/**
 * Threads in user space that may run on the CPUs of the settings and nowhere else. Programs that
 * isolctl runs in (a shell below taskset(1), a unit with CPUAffinity=) are not among them.
 */
async function pinnedTasks(get: Get): Promise<readonly Pinned[]> {
  const {isolated} = await get(settings)
  const ours = await get(callers)
  return (await get(tasks))
    .filter(({kernel, pid, allowed}) => !kernel && !ours.has(pid) && allowed.isSubsetOf(isolated))
    .map(({pid, tid, comm, allowed}) => ({pid, tid, name: comm, cpus: allowed}))
}

/**
 * The checks of preflight that take milliseconds and whose failure breaks isolation sooner or
 * later. The fair server is not among them, because the kernel parks it.
 */
const QUICK: readonly Check[] = [
  isolcpusEffective,
  nohzFullEffective,
  irqAffinityEffective,
  rtThrottle,
  softlockupMask,
  mcePoll,
]

/** One finding of preflight about the CPUs. */
export interface Complaint {
  readonly check: string
  readonly kind: 'fail' | 'unknown'
  readonly message: string
  readonly help: string
}

/**
 * The findings of the quick checks on the CPUs that `get` was given as isolated. Warnings are not
 * included.
 */
export async function quickPreflight(get: Get): Promise<readonly Complaint[]> {
  const complaints: Complaint[] = []
  for await (const result of runChecks(QUICK, get, {clock: () => performance.now()})) {
    const {id} = result.check
    if (result.status === 'unknown')
      complaints.push({
        check: id,
        kind: 'unknown',
        message: `cannot tell whether ${result.check.title}: ${result.reason}`,
        help: `isolctl explain ${id}`,
      })
    if (result.status !== 'fail') continue
    const failed = result.findings.filter(({severity}) => severity === 'fail')
    const [first] = failed
    const remedy = first?.remedy ?? result.remedy
    complaints.push({
      check: id,
      kind: 'fail',
      message: `${[first?.subject, first?.message].filter(Boolean).join(': ')}${failed.length > 1 ? `, and ${failed.length - 1} more` : ''} (${id})`,
      help: (remedy && (commandOf(remedy) ?? remedy.text)) ?? `isolctl explain ${id}`,
    })
  }
  return complaints
}
