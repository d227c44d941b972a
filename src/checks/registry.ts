// SPDX-License-Identifier: MIT
import bootCpuNotIsolated from './boot-cpu-not-isolated.ts'
import type {Check} from './check.ts'
import clocksourceTsc from './clocksource-tsc.ts'
import clocksourceWatchdogOff from './clocksource-watchdog-off.ts'
import cmdlineDuplicates from './cmdline-duplicates.ts'
import cmdlineKernelWarnings from './cmdline-kernel-warnings.ts'
import cmdlineMisread from './cmdline-misread.ts'
import cmdlineOwnerMarkers from './cmdline-owner-markers.ts'
import cmdlinePendingReboot from './cmdline-pending-reboot.ts'
import cmdlineQuoting from './cmdline-quoting.ts'
import cmdlineUnknownParams from './cmdline-unknown-params.ts'
import competingTuners from './competing-tuners.ts'
import containerRuntimeConflict from './container-runtime-conflict.ts'
import cpufreqPolicy from './cpufreq-policy.ts'
import cpusExistOnline from './cpus-exist-online.ts'
import cstateLimit from './cstate-limit.ts'
import dpdkBinding from './dpdk-binding.ts'
import fairServer from './fair-server.ts'
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
import irqUnmovableClassified from './irq-unmovable-classified.ts'
import irqaffinityEffective from './irqaffinity-effective.ts'
import irqbalanceState from './irqbalance-state.ts'
import isolcpusEffective from './isolcpus-effective.ts'
import isolcpusNohzTrap from './isolcpus-nohz-trap.ts'
import kernelConfigNohzFull from './kernel-config-nohz-full.ts'
import kernelLockdownDebugfs from './kernel-lockdown-debugfs.ts'
import kernelRunningIsInstalled from './kernel-running-is-installed.ts'
import kernelTaskIsolationAbi from './kernel-task-isolation-abi.ts'
import kthreadPercpuLegit from './kthread-percpu-legit.ts'
import kthreadPercpuQuiet from './kthread-percpu-quiet.ts'
import kthreadUnboundAffinity from './kthread-unbound-affinity.ts'
import mcePoll from './mce-poll.ts'
import memoryDaemons from './memory-daemons.ts'
import nmiPmiDelta from './nmi-pmi-delta.ts'
import nohzFullEffective from './nohz-full-effective.ts'
import partitionValid from './partition-valid.ts'
import partitionVsIsolcpus from './partition-vs-isolcpus.ts'
import perfEvents from './perf-events.ts'
import pid1Affinity from './pid1-affinity.ts'
import pmQosResume from './pm-qos-resume.ts'
import postLaunchCsw from './post-launch-csw.ts'
import rcuNocbsEffective from './rcu-nocbs-effective.ts'
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
  clocksourceTsc,
  clocksourceWatchdogOff,
  cmdlineUnknownParams,
  cmdlineKernelWarnings,
  cmdlineMisread,
  cmdlineDuplicates,
  cmdlineQuoting,
  cmdlinePendingReboot,
  cmdlineOwnerMarkers,
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
  irqAffinityRequested,
  irqAffinityEffective,
  irqUnmovableClassified,
  irqManagedQueues,
  irqbalanceState,
  wqUnboundCpumask,
  wqSysfsCpumasks,
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
  pid1Affinity,
  systemdSlices,
  partitionValid,
  partitionVsIsolcpus,
  containerRuntimeConflict,
  competingTuners,
  strayTasksAllowed,
  cstateLimit,
  pmQosResume,
  cpufreqPolicy,
  idlePollConflict,
  rpsXps,
  dpdkBinding,
  hugepages,
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
