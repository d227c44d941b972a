// SPDX-License-Identifier: MIT

import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import type {CpuSet} from '../model/cpuset.ts'
import type {Policy} from '../model/policy.ts'
import type {Complaint, LaunchConditions} from './conditions.ts'
import type {Enter} from './enter.ts'
import type {Lock} from './lock.ts'

export interface GateOptions {
  readonly cpus: CpuSet
  readonly enter: Enter
  readonly policy: Policy
  readonly lock: Lock
  /** Continue without isolation when the kernel does not offer it. */
  readonly soft: boolean
  /** Continue although the program is likely to lose isolation. */
  readonly force: boolean
  readonly allowGuest: boolean
}

/**
 * Clock sources that the vDSO reads without a system call (arch/x86/entry/vdso,
 * drivers/clocksource/arm_arch_timer.c).
 */
const VDSO_CLOCKS: readonly string[] = ['tsc', 'kvm-clock', 'hyperv_clocksource_tsc_page', 'arch_sys_counter']

/**
 * Bytes of locked memory that a real program needs at least. The kernel's default limit is 8 MiB
 * (include/uapi/linux/resource.h).
 */
const LEAST_MEMLOCK = 64 << 20

interface Objection {
  readonly message: string
  readonly code: string
  readonly help?: string
  /**
   * The option that turns this refusal into a note; 'note': it is only a note; absent: it cannot be
   * overridden.
   */
  readonly overrideBy?: 'soft' | 'force' | 'allowGuest' | 'note'
}

/**
 * Decide whether to launch: throws UserError (exit 69) with the first objection that no option
 * overrides, and returns the others as notes. Pure.
 */
export function gate(
  conditions: LaunchConditions,
  complaints: readonly Complaint[],
  options: GateOptions,
): readonly string[] {
  const notes: string[] = []
  for (const {message, code, help, overrideBy} of objections(conditions, complaints, options)) {
    if (overrideBy !== 'note' && !(overrideBy && options[overrideBy]))
      throw new UserError(message, {code, exit: Exit.unsuitable, ...(help === undefined ? {} : {help})})
    notes.push(message)
  }
  return notes
}

function* objections(
  conditions: LaunchConditions,
  complaints: readonly Complaint[],
  options: GateOptions,
): Generator<Objection> {
  yield* placement(conditions, options)
  if (conditions.eligible === undefined) {
    yield {
      message: 'this kernel has no task isolation',
      code: 'no-task-isolation',
      help: 'boot a kernel built with the series in kernel-patches/; or run without hard isolation: --soft',
      overrideBy: 'soft',
    }
    return // without isolation, the remaining conditions do not matter
  }
  yield* eligibility(conditions.eligible, options)
  yield* ownership(conditions)
  yield* platform(conditions)
  yield* permission(conditions, options)
  for (const {check, kind, message, help} of complaints)
    yield {
      message,
      code: check,
      help: `${help}; or launch anyway: --force`,
      overrideBy: kind === 'fail' ? 'force' : 'note',
    }
}

/** What would keep the program off its CPUs, isolated or not. */
function* placement(
  {architecture, cpuset, privileges}: LaunchConditions,
  {cpus, enter, policy}: GateOptions,
): Generator<Objection> {
  if (enter.kind === 'settle' && architecture !== 'x64')
    yield {
      message: `--enter settle supports x86-64 only, and this machine is ${architecture}`,
      code: 'architecture',
      help: 'let the program itself enter with isolctl.h: --enter app',
    }
  if (cpuset && 'unknown' in cpuset)
    yield {
      message: `cannot tell which CPUs the cgroup allows: ${cpuset.unknown}`,
      code: 'cpuset',
      overrideBy: 'note',
    }
  else if (cpuset && !cpus.isSubsetOf(cpuset))
    yield {
      message: `the cgroup of this shell may not use CPU ${cpus.minus(cpuset)} (cpuset.cpus.effective: ${cpuset})`,
      code: 'cpuset',
      help: 'start it in its own slice, which may use them: systemd-run --scope --slice=isolated.slice isolctl launch ...',
    }
  if (
    policy.kind === 'fifo' &&
    !('unknown' in privileges) &&
    !privileges.sysNice &&
    privileges.rtprio < policy.priority
  )
    yield {
      message: `not allowed to run at real-time priority ${policy.priority}: no CAP_SYS_NICE, and RLIMIT_RTPRIO is ${privileges.rtprio}`,
      code: 'rtprio',
      help: 'run as root, raise the limit (ulimit -r), or use --policy other',
    }
}

function* eligibility(eligible: CpuSet, {cpus}: GateOptions): Generator<Objection> {
  const missing = cpus.minus(eligible)
  if (missing.isEmpty) return
  yield {
    message: `CPU ${missing} cannot be isolated: the kernel was booted to isolate ${eligible.isEmpty ? 'none' : eligible}`,
    code: 'not-eligible',
    help: eligible.isEmpty
      ? `boot with nohz_full=${cpus} isolcpus=domain,managed_irq,${cpus}; or run without hard isolation: --soft`
      : `choose from ${eligible}; or run without hard isolation: --soft`,
    overrideBy: 'soft',
  }
}

/** Who uses the CPUs already. A program that isolctl launched also holds a lock: native/launch/claim.h. */
function* ownership({pinned}: LaunchConditions): Generator<Objection> {
  if ('unknown' in pinned) {
    yield {
      message: `cannot tell which programs are bound to the CPUs: ${pinned.unknown}`,
      code: 'cpu-taken',
      overrideBy: 'note',
    }
    return
  }
  const [first, ...others] = pinned
  if (first === undefined) return
  const more = others.length === 0 ? '' : `, and ${others.length} more`
  yield {
    message: `CPU ${first.cpus} is in use: ${first.name}[${first.tid}] may run nowhere else${more}`,
    code: 'cpu-taken',
    help: `choose other CPUs with --cpus, or end it: isolctl stop ${first.pid}; or launch anyway: --force`,
    overrideBy: 'force',
  }
}

/** What interrupts every program, or makes it enter the kernel. */
function* platform({guest, clocksource, quota}: LaunchConditions): Generator<Objection> {
  if (typeof guest === 'object')
    yield {
      message: `cannot tell whether this is a virtual machine: ${guest.unknown}`,
      code: 'guest-unknown',
      overrideBy: 'note',
    }
  else if (guest !== undefined)
    yield {
      message: `this is a virtual machine (${guest}), and the guest cannot see when its host interrupts a CPU`,
      code: 'guest',
      help: 'to launch anyway, without a guarantee: --allow-guest',
      overrideBy: 'allowGuest',
    }
  if (clocksource === undefined || !VDSO_CLOCKS.includes(clocksource))
    yield {
      message: `the clock source is ${clocksource ?? 'unknown'}: reading the time would be a system call`,
      code: 'clocksource',
      help: 'boot with tsc=reliable where the hardware has a stable TSC; or launch anyway: --force',
      overrideBy: 'force',
    }
  if (quota && 'unknown' in quota)
    yield {
      message: `cannot tell whether a cgroup limits CPU time: ${quota.unknown}`,
      code: 'cpu-quota',
      overrideBy: 'note',
    }
}

/** The permissions that launch needs for the program. */
function* permission(
  {privileges, quota, ptraceScope}: LaunchConditions,
  {enter, lock, policy}: GateOptions,
): Generator<Objection> {
  if (quota && 'quotaUs' in quota && policy.kind === 'other')
    yield {
      message: `cgroup ${quota.cgroup} limits CPU time to ${quota.quotaUs} of every ${quota.periodUs} us: the kernel would have to stop the program`,
      code: 'cpu-quota',
      help: 'start it from a cgroup without a quota (cpu.max: max), or use --policy fifo:1; or launch anyway: --force',
      overrideBy: 'force',
    }
  if ('unknown' in privileges) {
    yield {
      message: `cannot tell what this process may do: ${privileges.unknown}`,
      code: 'privileges',
      overrideBy: 'note',
    }
    return
  }
  const locks = enter.kind === 'app' || lock !== 'none' // isolctl_enter() of isolctl.h locks
  if (locks && !privileges.ipcLock && privileges.memlock < LEAST_MEMLOCK)
    yield {
      message: `only ${privileges.memlock >> 10} KiB of memory may be locked (RLIMIT_MEMLOCK), and memory that is not locked can cause page faults`,
      code: 'memlock',
      help: 'raise the limit (ulimit -l, LimitMEMLOCK= in a unit), or run as root; or launch anyway: --force',
      overrideBy: 'force',
    }
  if (enter.kind === 'settle' && ptraceScope !== undefined && ptraceScope > 1)
    if (ptraceScope > 2 || !privileges.sysPtrace)
      yield {
        message: `--enter settle needs ptrace, and kernel.yama.ptrace_scope=${ptraceScope} forbids it`,
        code: 'ptrace',
        help:
          ptraceScope > 2
            ? 'only a reboot resets it; let the program itself enter with isolctl.h: --enter app'
            : 'run as root, or let the program itself enter with isolctl.h: --enter app',
      }
}
