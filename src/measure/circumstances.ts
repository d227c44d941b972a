// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {nohzFull, online} from '../facts/cpus.ts'
import {defineFact, type Fact} from '../facts/fact.ts'
import {fairServer} from '../facts/fair-server.ts'
import {type Irq, irqs} from '../facts/irqs.ts'
import {kernel} from '../facts/kernel.ts'
import {clocksource} from '../facts/platform.ts'
import {meantThreads} from '../facts/programs.ts'
import {settings} from '../facts/settings.ts'
import {rtRuntimeUs, type Watchdog, watchdog} from '../facts/sysctls.ts'
import type {CpuSet} from '../model/cpuset.ts'
import type {Policy} from '../model/policy.ts'
import {type IrqState, irqState} from './remedies/irq.ts'
import {probe} from './watch.ts'

/** What is known of the machine, to find the cause of a disturbance. Absent: unknown. */
export interface Circumstances {
  readonly isolated: CpuSet
  readonly housekeeping: CpuSet
  readonly policy: Policy
  /** The spinners were in task isolation. */
  readonly isolate: boolean
  readonly online?: number
  readonly nohzFull?: CpuSet
  /** CPU to nanoseconds per period; empty when the kernel has no fair server. */
  readonly fairServer?: ReadonlyMap<number, number>
  /** Major and minor version as a number: 6.1 is 6.001. */
  readonly version?: number
  readonly rtRuntimeUs?: number
  readonly clocksource?: string
  /** False if a boot argument turns the clock source watchdog off. */
  readonly clockWatchdog?: boolean
  readonly watchdog?: Watchdog
  readonly irqs?: readonly Irq[]
  /** Thread ids of the programs that the config declares as workload. */
  readonly meant?: ReadonlySet<number>
  /** What decides which remedy an interrupt or a boot argument gets. */
  readonly irqState?: IrqState
}

/**
 * Never rejects for a fact that cannot be read. It is left out, and no cause that depends on it is
 * reported.
 */
export const circumstances = defineFact<Circumstances>('circumstances', async (_host, get) => {
  const maybe = <T>(fact: Fact<T>) => get(fact).catch(() => undefined)
  const {isolated, housekeeping, policy} = await get(settings)
  const [args, running] = [await maybe(cmdline), await maybe(kernel)]
  const known = {
    online: (await maybe(online))?.size,
    nohzFull: await maybe(nohzFull),
    fairServer: await get(fairServer).then(
      (runtimes) => runtimes ?? new Map(),
      () => undefined,
    ),
    version: running && running.major + running.minor / 1000,
    rtRuntimeUs: await maybe(rtRuntimeUs),
    clocksource: await maybe(clocksource),
    clockWatchdog:
      args && !valuesOf(args, 'tsc').some((value) => value === 'reliable' || value === 'nowatchdog'),
    watchdog: await maybe(watchdog),
    irqs: await maybe(irqs),
    meant: await maybe(meantThreads),
    irqState: await maybe(irqState),
  }
  const {isolate} = await get(probe)
  return {isolated, housekeeping, policy, isolate, ...withoutUndefined(known)}
})

type Known<T> = {readonly [K in keyof T]?: Exclude<T[K], undefined>}

const withoutUndefined = <T extends object>(values: T): Known<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Known<T>
