// SPDX-License-Identifier: MIT
import type {CpuSet} from '../lib/cpuset.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'

/** What launch must know of the machine. */
export interface Ground {
  /** CPUs that may enter task isolation; undefined: the kernel does not have it. */
  readonly eligible: CpuSet | undefined
  /** A sign that this is a virtual machine, undefined when there is none, or why that could not be told. */
  readonly guest: string | {readonly unknown: string} | undefined
  /** The clock source in use, undefined when it could not be read. */
  readonly clocksource: string | undefined
}

export interface GateOptions {
  readonly cpus: CpuSet
  /** Go on without isolation where it cannot be had. */
  readonly soft: boolean
  /** Go on although the program is likely to lose isolation. */
  readonly force: boolean
  readonly allowGuest: boolean
}

/** Clock sources that the vDSO reads without a system call (arch/x86/entry/vdso, drivers/clocksource/arm_arch_timer.c). */
const VDSO_CLOCKS: readonly string[] = ['tsc', 'kvm-clock', 'hyperv_clocksource_tsc_page', 'arch_sys_counter']

interface Objection {
  readonly message: string
  readonly code: string
  readonly help?: string
  /** The option that turns this refusal into a note; absent: it is no more than a note. */
  readonly overrideBy?: 'soft' | 'force' | 'allowGuest'
}

/**
 * Whether to launch: throws UserError (exit 69) with the first objection that no option overrides, and returns the
 * others as notes. Pure.
 */
export function gate(ground: Ground, options: GateOptions): readonly string[] {
  const notes: string[] = []
  for (const {message, code, help, overrideBy} of objections(ground, options)) {
    if (overrideBy && !options[overrideBy])
      throw new UserError(message, {code, exit: Exit.unsuitable, ...(help === undefined ? {} : {help})})
    notes.push(message)
  }
  return notes
}

function* objections({eligible, guest, clocksource}: Ground, {cpus}: GateOptions): Generator<Objection> {
  if (eligible === undefined) {
    yield {
      message: 'this kernel has no task isolation',
      code: 'no-task-isolation',
      help: 'boot one built with the series in kernel-patches/; or run without hard isolation: --soft',
      overrideBy: 'soft',
    }
    return // nothing that follows could break what is not there
  }
  const missing = cpus.minus(eligible)
  if (!missing.isEmpty)
    yield {
      message: `CPU ${missing} cannot be isolated: the kernel was booted for ${eligible.isEmpty ? 'none' : eligible}`,
      code: 'not-eligible',
      help: eligible.isEmpty
        ? `boot with nohz_full=${cpus} isolcpus=domain,managed_irq,${cpus}; or run without hard isolation: --soft`
        : `choose out of ${eligible}; or run without hard isolation: --soft`,
      overrideBy: 'soft',
    }
  if (typeof guest === 'object')
    yield {message: `cannot tell whether this is a virtual machine: ${guest.unknown}`, code: 'guest-unknown'}
  else if (guest !== undefined)
    yield {
      message: `this is a virtual machine (${guest}), and its host can interrupt any CPU unseen`,
      code: 'guest',
      help: 'to launch all the same, without that promise: --allow-guest',
      overrideBy: 'allowGuest',
    }
  if (clocksource === undefined || !VDSO_CLOCKS.includes(clocksource))
    yield {
      message: `the clock source is ${clocksource ?? 'unknown'}: reading the time would be a system call`,
      code: 'clocksource',
      help: 'boot with tsc=reliable where the hardware has a stable TSC; or launch all the same: --force',
      overrideBy: 'force',
    }
}
