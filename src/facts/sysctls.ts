// SPDX-License-Identifier: MIT

import {type HostView, tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, integer, mustRead, parsed, readInteger} from './fact.ts'
import {fairServer} from './fair-server.ts'
import {type Knob, readKnob} from './knob.ts'
import {settings} from './settings.ts'

export const RT_RUNTIME = '/proc/sys/kernel/sched_rt_runtime_us'
const rtRuntime = defineFact<number>('rt-runtime-file', (host) => readInteger(host, RT_RUNTIME, {least: -1}))

/**
 * Microseconds of each period that real-time tasks may use; -1: no limit. Undefined when the value
 * does not matter. The file is not read then: on 6.12 a read rebuilds the scheduling domains and
 * clears the accounted deadline bandwidth (kernel/sched/rt.c: sched_rt_handler,
 * kernel/sched/deadline.c: dl_clear_root_domain), after which a change of the fair server fails
 * with EBUSY.
 */
export const rtRuntimeUs = defineFact<number | undefined>('rt-runtime', async (_host, get) => {
  const {policy} = await get(settings)
  return policy.kind === 'other' || (await get(fairServer)) !== undefined ? undefined : get(rtRuntime)
})
export const STAT_INTERVAL = '/proc/sys/vm/stat_interval'
export const statInterval = defineFact<number>('stat-interval', (host) => readInteger(host, STAT_INTERVAL))

/**
 * 1: timers move to CPUs that are awake and not isolated; 0: they stay on the CPU that armed them.
 */
export const timerMigration = defineFact<Knob | undefined>('timer-migration', async (host) => {
  // A kernel without SMP or high-resolution timers lacks the file; a capture may lack the whole
  // directory.
  if ((await host.list('/proc/sys/kernel')).length === 0) throw new Error('/proc/sys/kernel does not exist')
  return readKnob(host, '/proc/sys/kernel/timer_migration', (text) => integer(text, {most: 1}))
})

export const WATCHDOG_CPUMASK = '/proc/sys/kernel/watchdog_cpumask'

/** The lockup detectors (kernel/watchdog.c). A kernel built without them has none of the files. */
export interface Watchdog {
  readonly soft: boolean
  readonly nmi: boolean
  readonly cpus: CpuSet
}

export const watchdog = defineFact<Watchdog | undefined>('watchdog', async (host) => {
  const folder = '/proc/sys/kernel'
  const names = await host.list(folder)
  if (names.length === 0) throw new Error(`${folder} does not exist`)
  if (!names.some((name) => DETECTORS.test(name))) {
    if (tellsAbsence(host)) return undefined
    throw new Error(`${WATCHDOG_CPUMASK} was not captured`)
  }
  const cpus = parsed(WATCHDOG_CPUMASK, await mustRead(host, WATCHDOG_CPUMASK), CpuSet.printed)
  return {
    // A kernel can have one of the two detectors; a file that only the detector has shows it.
    soft: await isOn(
      host,
      `${folder}/soft_watchdog`,
      !tellsAbsence(host) || names.some((name) => SOFT.test(name)),
    ),
    nmi: await isOn(host, `${folder}/nmi_watchdog`, true),
    cpus,
  }
})

/** The files of the lockup detectors (kernel/watchdog.c: watchdog_sysctls, kernel/sysctl.c). */
const DETECTORS = /^(watchdog(_cpumask|_thresh)?|soft_watchdog|nmi_watchdog|(soft|hard)lockup_.*)$/
const SOFT = /^softlockup_/

/** Whether a switch is on. A file that may be absent is off then. Throws Error. */
const isOn = async (host: HostView, path: string, required: boolean): Promise<boolean> =>
  (required || (await host.read(path)) !== undefined) && (await readInteger(host, path, {most: 1})) === 1

/** Whether a kernel warning causes a panic (kernel/panic.c). */
export const panicOnWarn = defineFact<boolean>('panic-on-warn', (host) =>
  isOn(host, '/proc/sys/kernel/panic_on_warn', false),
)
