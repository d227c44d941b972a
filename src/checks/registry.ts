// SPDX-License-Identifier: MIT
import bootCpuNotIsolated from './boot-cpu-not-isolated.ts'
import type {Check} from './check.ts'
import clocksourceTsc from './clocksource-tsc.ts'
import clocksourceWatchdogOff from './clocksource-watchdog-off.ts'
import cmdlineDuplicates from './cmdline-duplicates.ts'
import cmdlineKernelWarnings from './cmdline-kernel-warnings.ts'
import cmdlineMisread from './cmdline-misread.ts'
import cmdlinePendingReboot from './cmdline-pending-reboot.ts'
import cmdlineQuoting from './cmdline-quoting.ts'
import cmdlineUnknownParams from './cmdline-unknown-params.ts'
import fairServer from './fair-server.ts'
import housekeepingMinimum from './housekeeping-minimum.ts'
import ipiDelta from './ipi-delta.ts'
import irqAffinityEffective from './irq-affinity-effective.ts'
import irqAffinityRequested from './irq-affinity-requested.ts'
import irqCountDelta from './irq-count-delta.ts'
import irqaffinityEffective from './irqaffinity-effective.ts'
import isolcpusEffective from './isolcpus-effective.ts'
import kernelConfigNohzFull from './kernel-config-nohz-full.ts'
import kernelTaskIsolationAbi from './kernel-task-isolation-abi.ts'
import kthreadUnboundAffinity from './kthread-unbound-affinity.ts'
import mcePoll from './mce-poll.ts'
import nmiPmiDelta from './nmi-pmi-delta.ts'
import nohzFullEffective from './nohz-full-effective.ts'
import rtThrottle from './rt-throttle.ts'
import smtSibling from './smt-sibling.ts'
import softlockupMask from './softlockup-mask.ts'
import spinnerGapMax from './spinner-gap-max.ts'
import strayTasksAllowed from './stray-tasks-allowed.ts'
import strayTasksPresent from './stray-tasks-present.ts'
import tickStoppedUnderLoad from './tick-stopped-under-load.ts'
import tracingOff from './tracing-off.ts'
import virtGuest from './virt-guest.ts'
import wqUnboundCpumask from './wq-unbound-cpumask.ts'

/** In the order we print them: the machine, what it was booted with, what is set up on top, and at last the proof. */
export const CHECKS: readonly Check[] = [
  virtGuest,
  kernelConfigNohzFull,
  kernelTaskIsolationAbi,
  clocksourceTsc,
  clocksourceWatchdogOff,
  cmdlineUnknownParams,
  cmdlineKernelWarnings,
  cmdlineMisread,
  cmdlineDuplicates,
  cmdlineQuoting,
  cmdlinePendingReboot,
  bootCpuNotIsolated,
  isolcpusEffective,
  nohzFullEffective,
  irqaffinityEffective,
  housekeepingMinimum,
  smtSibling,
  irqAffinityRequested,
  irqAffinityEffective,
  wqUnboundCpumask,
  fairServer,
  rtThrottle,
  softlockupMask,
  mcePoll,
  tracingOff,
  kthreadUnboundAffinity,
  strayTasksAllowed,
  tickStoppedUnderLoad,
  irqCountDelta,
  ipiDelta,
  nmiPmiDelta,
  strayTasksPresent,
  spinnerGapMax,
]
