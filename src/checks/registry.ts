// SPDX-License-Identifier: MIT
import bootCpuNotIsolated from './boot-cpu-not-isolated.ts'
import type {Check} from './check.ts'
import clocksourceTsc from './clocksource-tsc.ts'
import fairServer from './fair-server.ts'
import ipiDelta from './ipi-delta.ts'
import irqAffinityEffective from './irq-affinity-effective.ts'
import irqAffinityRequested from './irq-affinity-requested.ts'
import irqCountDelta from './irq-count-delta.ts'
import irqaffinityEffective from './irqaffinity-effective.ts'
import isolcpusEffective from './isolcpus-effective.ts'
import kernelTaskIsolationAbi from './kernel-task-isolation-abi.ts'
import nmiPmiDelta from './nmi-pmi-delta.ts'
import nohzFullEffective from './nohz-full-effective.ts'
import rtThrottle from './rt-throttle.ts'
import spinnerGapMax from './spinner-gap-max.ts'
import strayTasksPresent from './stray-tasks-present.ts'
import tickStoppedUnderLoad from './tick-stopped-under-load.ts'
import virtGuest from './virt-guest.ts'
import wqUnboundCpumask from './wq-unbound-cpumask.ts'

/** In the order we print them: the machine, what it was booted with, what is set up on top, and at last the proof. */
export const CHECKS: readonly Check[] = [
  virtGuest,
  kernelTaskIsolationAbi,
  clocksourceTsc,
  bootCpuNotIsolated,
  isolcpusEffective,
  nohzFullEffective,
  irqaffinityEffective,
  irqAffinityRequested,
  irqAffinityEffective,
  wqUnboundCpumask,
  fairServer,
  rtThrottle,
  tickStoppedUnderLoad,
  irqCountDelta,
  ipiDelta,
  nmiPmiDelta,
  strayTasksPresent,
  spinnerGapMax,
]
