// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, type Fact, mustRead} from './fact.ts'
import {fairServer} from './fair-server.ts'
import {type Knob, readKnob} from './knob.ts'
import {settings} from './settings.ts'

const integer = (id: string, path: string): Fact<number> =>
  defineFact(id, async (host) => {
    const text = (await mustRead(host, path)).trim()
    if (!/^-?\d+$/.test(text)) throw new Error(`${path}: not a number: "${text}"`)
    return Number(text)
  })

export const RT_RUNTIME = '/proc/sys/kernel/sched_rt_runtime_us'
const rtRuntime = integer('rt-runtime-file', RT_RUNTIME)

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
export const statInterval = integer('stat-interval', STAT_INTERVAL)

/**
 * 1: timers move to CPUs that are awake and not isolated; 0: they stay on the CPU that armed them.
 */
export const timerMigration = defineFact<Knob | undefined>('timer-migration', async (host) => {
  const found = await readKnob(host, '/proc/sys/kernel/timer_migration')
  // A kernel without SMP or high-resolution timers lacks the file; a capture may lack the whole
  // directory.
  if (found === undefined && (await host.list('/proc/sys/kernel')).length === 0)
    throw new Error('/proc/sys/kernel does not exist')
  return found
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
  if ((await host.list(folder)).length === 0) throw new Error(`${folder} does not exist`)
  const on = async (name: string) => (await host.read(`${folder}/${name}`))?.trim() === '1'
  const cpus = await host.read(WATCHDOG_CPUMASK)
  if (cpus === undefined) return undefined
  return {soft: await on('soft_watchdog'), nmi: await on('nmi_watchdog'), cpus: CpuSet.parse(cpus)}
})

/** Whether a kernel warning causes a panic (kernel/panic.c). */
export const panicOnWarn = defineFact<boolean>(
  'panic-on-warn',
  async (host) => (await host.read('/proc/sys/kernel/panic_on_warn'))?.trim() === '1',
)
