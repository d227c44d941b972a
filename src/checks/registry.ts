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

/** In the order we print them: the machine, what it was booted with, what is set up on top, and at last the proof. */
export const CHECKS: readonly Check[] = [
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
  cmdlineUnknownParams,
  cmdlineKernelWarnings,
  cmdlineMisread,
  cmdlineDuplicates,
  cmdlineQuoting,
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
  cpusExistOnline,
  housekeepingMinimum,
  smtSibling,
  coreType,
  numaNicLocal,
  cacheResctrl,
  hotplugStable,
  irqAffinityRequested,
  irqAffinityEffective,
  irqUnmovableClassified,
  irqManagedQueues,
  irqbalanceState,
  irqThreads,
  irqRegressionDrift,
  wqUnboundCpumask,
  wqSysfsCpumasks,
  residualRemoteTick,
  fairServer,
  rtThrottle,
  softlockupMask,
  mcePoll,
  vmstat,
  timerMigration,
  memoryDaemons,
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
  cstateLimit,
  pmQosResume,
  cpufreqPolicy,
  idlePollConflict,
  thermalThrottle,
  rpsXps,
  nicQueues,
  dpdkBinding,
  hugepages,
  launchLimits,
  posixCpuTimers,
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
]
