// SPDX-License-Identifier: MIT
import {isolationOf} from '../boot/isolation.ts'
import {NEWEST_KERNEL} from '../boot/kernel-rules.ts'
import {type HostView, tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {cmdline} from './cmdline.ts'
import {bootIsolated, nohzFull, online, possible} from './cpus.ts'
import {defineFact, type Fact, readText} from './fact.ts'
import {INTERRUPTS} from './interrupts.ts'
import {kernel} from './kernel.ts'

const ONLINE = '/sys/devices/system/cpu/online'

/** The online CPUs, and where they come from when the kernel's list was not captured. */
export interface OnlineCpus {
  readonly cpus: CpuSet
  readonly derivedFrom?: string
}

/**
 * The online CPUs. A captured tree may lack the list; the columns of /proc/interrupts, or the lines
 * of /proc/stat and /proc/cpuinfo, are then those of the online CPUs. They are good enough to choose
 * a target, and no check passes because of them.
 */
export const onlineOrDerived = defineFact<OnlineCpus>('online-or-derived', async (host, get) =>
  get(online).then(
    (cpus) => ({cpus}),
    async (cause) => {
      const derived = host.live || (await exists(host, ONLINE)) ? undefined : await derivedOnline(host)
      if (derived === undefined) throw cause
      return derived
    },
  ),
)

const exists = async (host: HostView, path: string) => (await host.read(path)) !== undefined

async function derivedOnline(host: HostView): Promise<OnlineCpus | undefined> {
  for (const [derivedFrom, pattern] of SOURCES) {
    const text = await readText(host, derivedFrom).catch(() => undefined)
    const part = derivedFrom === INTERRUPTS ? text?.split('\n', 1)[0] : text
    const cpus = CpuSet.from([...(part ?? '').matchAll(pattern)].map(([, cpu]) => Number(cpu)))
    if (!cpus.isEmpty) return {derivedFrom, cpus}
  }
  return undefined
}

const SOURCES: readonly (readonly [path: string, pattern: RegExp])[] = [
  [INTERRUPTS, /\bCPU(\d+)\b/g],
  ['/proc/stat', /^cpu(\d+) /gm],
  ['/proc/cpuinfo', /^processor\s*:\s*(\d+)/gm],
]

/** A set of the kernel; where a captured tree lacks its file, what the kernel makes of the boot arguments. */
const orDerived = (
  fact: Fact<CpuSet>,
  path: string,
  of: (isolation: ReturnType<typeof isolationOf>) => CpuSet,
): Fact<CpuSet> =>
  defineFact(`${fact.id}-or-derived`, async (host, get) =>
    get(fact).catch(async (cause) => {
      if (await exists(host, path)) throw cause
      // A kernel that lacks the file isolates no CPU.
      if (tellsAbsence(host) || !(await exists(host, '/proc/cmdline'))) return CpuSet.empty
      const all = await get(possible).catch(async () => (await get(onlineOrDerived)).cpus)
      // Without its version the newest rules have to do: they drop the fewest lists.
      const version = await get(kernel).catch(() => NEWEST_KERNEL)
      return of(isolationOf(await get(cmdline), {kernel: version, count: Math.max(...all) + 1}))
    }),
  )

export const bootIsolatedOrDerived = orDerived(
  bootIsolated,
  '/sys/devices/system/cpu/isolated',
  ({domain}) => domain,
)
export const nohzFullOrDerived = orDerived(
  nohzFull,
  '/sys/devices/system/cpu/nohz_full',
  ({nohzFull: cpus}) => cpus,
)
