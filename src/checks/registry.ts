// SPDX-License-Identifier: MIT
import bootCpuNotIsolated from './boot-cpu-not-isolated.ts'
import cacheResctrl from './cache-resctrl.ts'
import type {Check} from './check.ts'
import clocksourceTsc from './clocksource-tsc.ts'
import clocksourceWatchdogOff from './clocksource-watchdog-off.ts'
import cmdlineDuplicates from './cmdline-duplicates.ts'
import cmdlineKernelWarnings from './cmdline-kernel-warnings.ts'
import cmdlineLength from './cmdline-length.ts'
import cmdlineMisread from './cmdline-misread.ts'
import cmdlineOwnerMarkers from './cmdline-owner-markers.ts'
import cmdlinePendingReboot from './cmdline-pending-reboot.ts'
import cmdlineQuoting from './cmdline-quoting.ts'
import cmdlineUndoesIsolation from './cmdline-undoes-isolation.ts'
import cmdlineUnknownParams from './cmdline-unknown-params.ts'
import competingTuners from './competing-tuners.ts'
import containerRuntimeConflict from './container-runtime-conflict.ts'
import coreType from './core-type.ts'
import cpufreqPolicy from './cpufreq-policy.ts'
import cpusExistOnline from './cpus-exist-online.ts'
import cstateLimit from './cstate-limit.ts'
import deadBootArgs from './dead-boot-args.ts'
import dpdkBinding from './dpdk-binding.ts'
import fairServer from './fair-server.ts'
import fwupdTimers from './fwupd-timers.ts'
import hotplugStable from './hotplug-stable.ts'
import housekeepingIntersect from './housekeeping-intersect.ts'
import housekeepingMinimum from './housekeeping-minimum.ts'
import hrtimersOnCore from './hrtimers-on-core.ts'
import hugepages from './hugepages.ts'
import idlePollConflict from './idle-poll-conflict.ts'
import ipiDelta from './ipi-delta.ts'
import irqAffinityEffective from './irq-affinity-effective.ts'
import irqAffinityRequested from './irq-affinity-requested.ts'
import irqCountDelta from './irq-count-delta.ts'
import irqManagedQueues from './irq-managed-queues.ts'
import irqRegressionDrift from './irq-regression-drift.ts'
import irqThreads from './irq-threads.ts'
import irqUnmovableClassified from './irq-unmovable-classified.ts'
import irqaffinityEffective from './irqaffinity-effective.ts'
import irqbalanceState from './irqbalance-state.ts'
import isolcpusEffective from './isolcpus-effective.ts'
import isolcpusNohzTrap from './isolcpus-nohz-trap.ts'
import kernelConfigNohzFull from './kernel-config-nohz-full.ts'
import kernelKnownRegressions from './kernel-known-regressions.ts'
import kernelLockdownDebugfs from './kernel-lockdown-debugfs.ts'
import kernelRunningIsInstalled from './kernel-running-is-installed.ts'
import kernelTaskIsolationAbi from './kernel-task-isolation-abi.ts'
import kernelTracers from './kernel-tracers.ts'
import kthreadPercpuLegit from './kthread-percpu-legit.ts'
import kthreadPercpuQuiet from './kthread-percpu-quiet.ts'
import kthreadUnboundAffinity from './kthread-unbound-affinity.ts'
import launchLimits from './launch-limits.ts'
import mcePoll from './mce-poll.ts'
import memoryDaemons from './memory-daemons.ts'
import mitigationsPolicy from './mitigations-policy.ts'
import monitoringAgents from './monitoring-agents.ts'
import nicQueues from './nic-queues.ts'
import nmiPmiDelta from './nmi-pmi-delta.ts'
import nohzFullEffective from './nohz-full-effective.ts'
import numaNicLocal from './numa-nic-local.ts'
import partitionValid from './partition-valid.ts'
import partitionVsIsolcpus from './partition-vs-isolcpus.ts'
import perfEvents from './perf-events.ts'
import pid1Affinity from './pid1-affinity.ts'
import pmQosResume from './pm-qos-resume.ts'
import posixCpuTimers from './posix-cpu-timers.ts'
import postLaunchCsw from './post-launch-csw.ts'
import rcuNocbsEffective from './rcu-nocbs-effective.ts'
import rcuThreadsMoved from './rcu-threads-moved.ts'
import residualRemoteTick from './residual-remote-tick.ts'
import rpsXps from './rps-xps.ts'
import rqNrRunning from './rq-nr-running.ts'
import rqNrSwitches from './rq-nr-switches.ts'
import rtThrottle from './rt-throttle.ts'
import smtSibling from './smt-sibling.ts'
import softlockupMask from './softlockup-mask.ts'
import spinnerGapMax from './spinner-gap-max.ts'
import strayTasksAllowed from './stray-tasks-allowed.ts'
import strayTasksPresent from './stray-tasks-present.ts'
import systemdSlices from './systemd-slices.ts'
import thermalThrottle from './thermal-throttle.ts'
import tickStoppedUnderLoad from './tick-stopped-under-load.ts'
import timerMigration from './timer-migration.ts'
import tracingOff from './tracing-off.ts'
import virtGuest from './virt-guest.ts'
import vmstat from './vmstat.ts'
import wqSysfsCpumasks from './wq-sysfs-cpumasks.ts'
import wqUnboundCpumask from './wq-unbound-cpumask.ts'

/** Checks about one subject: they are printed together, under its name, with one verdict. */
export interface CheckGroup {
  /** What the text report and the documentation call the group. */
  readonly subject: string
  /** What its checks look at, in one clause. */
  readonly about: string
  readonly checks: readonly Check[]
  /** The check whose evidence answers for the whole group, on the group's own line. */
  readonly answer?: Check
}

/**
 * Every check, each in one group, in the order of printing: boot arguments first, then settings
 * made after the boot, and last the proof.
 */
export const CHECK_GROUPS: readonly CheckGroup[] = [
  {
    subject: 'kernel',
    about: 'the running kernel, the machine below it, and the clock it reads',
    checks: [
      virtGuest,
      kernelConfigNohzFull,
      kernelRunningIsInstalled,
      kernelTaskIsolationAbi,
      kernelLockdownDebugfs,
      kernelKnownRegressions,
      kernelTracers,
      fwupdTimers,
      clocksourceTsc,
      clocksourceWatchdogOff,
    ],
  },
  {
    subject: 'boot arguments',
    about: 'the arguments of this boot and of the next one, and what the kernel made of them',
    checks: [
      cmdlineUnknownParams,
      cmdlineKernelWarnings,
      cmdlineMisread,
      cmdlineDuplicates,
      cmdlineQuoting,
      cmdlineUndoesIsolation,
      cmdlinePendingReboot,
      cmdlineOwnerMarkers,
      cmdlineLength,
      deadBootArgs,
      mitigationsPolicy,
      bootCpuNotIsolated,
      housekeepingIntersect,
      isolcpusNohzTrap,
      isolcpusEffective,
      nohzFullEffective,
      rcuNocbsEffective,
      irqaffinityEffective,
    ],
  },
  {
    subject: 'CPUs',
    about: 'which CPUs there are, what they share, how deep they sleep, and how fast they run',
    checks: [
      cpusExistOnline,
      housekeepingMinimum,
      smtSibling,
      coreType,
      cacheResctrl,
      hotplugStable,
      cstateLimit,
      pmQosResume,
      cpufreqPolicy,
      idlePollConflict,
      thermalThrottle,
    ],
  },
  {
    subject: 'interrupts',
    about: 'where device interrupts may go, and where they do go',
    checks: [
      irqAffinityRequested,
      irqAffinityEffective,
      irqUnmovableClassified,
      irqManagedQueues,
      irqbalanceState,
      irqThreads,
      irqRegressionDrift,
    ],
  },
  {
    subject: 'threads and work',
    about: 'kernel threads, deferred work, timers, and the programs of the machine',
    checks: [
      wqUnboundCpumask,
      wqSysfsCpumasks,
      residualRemoteTick,
      fairServer,
      rtThrottle,
      softlockupMask,
      mcePoll,
      vmstat,
      timerMigration,
      tracingOff,
      perfEvents,
      kthreadUnboundAffinity,
      kthreadPercpuLegit,
      rcuThreadsMoved,
      pid1Affinity,
      systemdSlices,
      partitionValid,
      partitionVsIsolcpus,
      containerRuntimeConflict,
      competingTuners,
      monitoringAgents,
      strayTasksAllowed,
      posixCpuTimers,
    ],
  },
  {
    subject: 'memory',
    about: 'what moves memory under a running program, and what a new program will get of it',
    checks: [memoryDaemons, hugepages, launchLimits],
  },
  {
    subject: 'devices',
    about: 'network queues, and the devices that programs drive themselves',
    checks: [numaNicLocal, rpsXps, nicQueues, dpdkBinding],
  },
  {
    subject: 'proof',
    about: 'what reached the isolated CPUs while they were watched under load',
    answer: tickStoppedUnderLoad,
    checks: [
      postLaunchCsw,
      tickStoppedUnderLoad,
      irqCountDelta,
      ipiDelta,
      nmiPmiDelta,
      strayTasksPresent,
      kthreadPercpuQuiet,
      rqNrSwitches,
      rqNrRunning,
      hrtimersOnCore,
      spinnerGapMax,
    ],
  },
]

/** Every check, in printing order. */
export const CHECKS: readonly Check[] = CHECK_GROUPS.flatMap(({checks}) => checks)

/** Checks of the text of boot arguments. They need no isolated CPU. */
export const TEXT_CHECKS: readonly Check[] = [
  cmdlineMisread,
  cmdlineDuplicates,
  cmdlineQuoting,
  cmdlineUndoesIsolation,
]

/** The same, and what the kernel itself said about the arguments of this boot. */
export const BOOTED_TEXT_CHECKS: readonly Check[] = [
  cmdlineUnknownParams,
  cmdlineKernelWarnings,
  ...TEXT_CHECKS,
]
