// SPDX-License-Identifier: MIT

import type {Note} from '../model/change.ts'
import type {CpuSet} from '../model/cpuset.ts'
import type {IsolationKind} from '../model/settings.ts'
import {type KernelVersion, rulesOf, sinceOf} from './kernel-rules.ts'
import type {WantedWord} from './loader.ts'

/**
 * What must be known about the machine to choose its arguments. Absent: the kernel does not report
 * it.
 */
export interface Platform {
  /** The current clock source. */
  readonly clocksource?: string | undefined
  /** CPU feature flags of x86; absent elsewhere. */
  readonly flags?: ReadonlySet<string> | undefined
}

/** What the boot arguments are to bring about. */
export interface WantedIsolation {
  readonly isolated: CpuSet
  readonly housekeeping: CpuSet
  readonly isolation: IsolationKind
  /** Further arguments from the operator's config. */
  readonly extra: readonly string[]
  /** The kernel that is to read them. Absent: one that knows all of them. */
  readonly kernel?: KernelVersion | undefined
}

/** The arguments that isolate CPUs, in the order in which they are written. Pure. */
export function isolationWords({
  isolated,
  housekeeping,
  isolation,
  kernel,
}: Omit<WantedIsolation, 'extra'>): readonly string[] {
  const flags = [...(isolation === 'static' ? ['nohz', 'domain'] : []), ...managedIrqFlag(kernel)]
  return [
    // Without a flag, isolcpus= would mean "domain".
    ...(flags.length === 0 ? [] : [`isolcpus=${[...flags, isolated].join(',')}`]),
    `nohz_full=${isolated}`,
    `rcu_nocbs=${isolated}`,
    `irqaffinity=${housekeeping}`,
  ]
}

/** The flag managed_irq of isolcpus= where the kernel knows it; an older one drops all of isolcpus=. Pure. */
export const managedIrqFlag = (kernel: KernelVersion | undefined): readonly string[] =>
  kernel === undefined || rulesOf(kernel).managedIrqFlag ? ['managed_irq'] : []

/** All arguments to pass on this machine, and the reasons for those that are left out. Pure. */
export function bootWords(
  asked: WantedIsolation,
  platform: Platform,
): {readonly wanted: readonly WantedWord[]; readonly notes: readonly Note[]} {
  const distrust = distrustOfTsc(platform)
  return {
    wanted: [
      ...isolationWords(asked).map((word) => ({word})),
      ...(platform.flags !== undefined && distrust === undefined
        ? [{word: 'tsc=reliable', yields: true as const}]
        : []),
      ...asked.extra.map((word) => ({word})),
    ],
    notes: [
      ...(managedIrqFlag(asked.kernel).length > 0
        ? []
        : [
            {
              subject: 'isolcpus=managed_irq',
              reason: `left out: a kernel before ${sinceOf('managedIrqFlag')} drops all of isolcpus= because of it`,
            },
          ]),
      ...(distrust === undefined ? [] : [{subject: 'tsc=reliable', reason: `left out: ${distrust}`}]),
      {
        subject: 'nowatchdog',
        reason: `left out: nohz_full already keeps the lockup detectors off CPUs ${asked.isolated}; the other CPUs keep them`,
      },
    ],
  }
}

/**
 * Why tsc=reliable must not be passed; undefined: it can be. The argument turns off the clock
 * source watchdog, which runs on one CPU after the other (kernel/time/clocksource.c). On a bad TSC
 * that would hide the fault, so it is passed only where the kernel uses the TSC and the CPU flags
 * report a constant and non-stop TSC. Pure.
 */
function distrustOfTsc({clocksource, flags}: Platform): string | undefined {
  if (flags === undefined) return undefined // no x86, no TSC
  if (flags.has('hypervisor')) return 'a virtual machine may be moved to another clock'
  if (clocksource === undefined) return 'the clock source is not known'
  if (clocksource !== 'tsc')
    return `the kernel does not trust the TSC here: its clock source is ${clocksource}`
  const missing = ['constant_tsc', 'nonstop_tsc'].filter((flag) => !flags.has(flag))
  return missing.length === 0 ? undefined : `the CPU does not have ${missing.join(' and ')}`
}
