// SPDX-License-Identifier: MIT
import {z} from 'zod'
import {formatPolicy} from '../config/policy.ts'
import {defineFact, type Fact, NotMeasured} from '../facts/fact.ts'
import {type Settings, settings} from '../facts/settings.ts'
import {type CpuTimers, readTimers} from '../facts/timers.ts'
import type {Helper, HostView, Live} from '../host/host.ts'
import type {CpuSet} from '../lib/cpuset.ts'
import {type Movement, movements, takeSample} from './sample.ts'

/** How we may measure. Given by the command. */
export interface Probe {
  /** Keep every isolated CPU busy while it is watched. Without it nothing can be said about the tick. */
  readonly spin: boolean
  /** Let the spinners enter task isolation, as `launch` does: the kernel then parks its fair server. */
  readonly isolate: boolean
}

export const probe: Fact<Probe> = defineFact('probe', () => {
  throw new Error('how to measure was not given')
})

/** What the spinner noted itself: the moments in which the CPU did not run it. Printed by isol-spin.c. */
const GapRecord = z.object({
  cpu: z.number(),
  tickHz: z.number(),
  observedNs: z.number(),
  iterations: z.number(),
  thresholdNs: z.number(),
  gaps: z.number(),
  maxGapNs: z.number(),
  maxGapAtNs: z.number(),
  log2Ticks: z.array(z.number()),
})
export type GapRecord = z.output<typeof GapRecord>

export interface CpuWatch extends Movement {
  readonly gaps?: GapRecord
  readonly timers?: CpuTimers
  /** The kernel's own word, when the spinner was isolated: /proc/PID/task_isolation, key to value. */
  readonly isolation?: ReadonlyMap<string, string>
}

/** All isolated CPUs, watched at the same time. */
export interface Watch {
  readonly startedAt: string
  readonly seconds: number
  /** Whether they were kept busy. */
  readonly spun: boolean
  readonly cpus: readonly CpuWatch[]
}

/**
 * Time for what a start leaves behind to end: deferred memory work, RCU, and the fair server, which first lets two
 * periods of a second pass.
 */
export const SETTLE_MS = 3000

/** The isolated CPUs under load: each runs a spinner under the launch policy. */
export const busy = defineFact<Watch>('busy', async (host, get) => {
  const {spin, isolate} = await get(probe)
  if (!host.live) throw new NotMeasured('a captured machine cannot be measured')
  if (!spin) throw new NotMeasured('--passive starts no spinner')
  return watchBusy({...host, live: host.live}, {...(await get(settings)), isolate})
})

/** The isolated CPUs over the window: under load, or as they are with `--passive`. */
export const watched = defineFact<Watch>('watched', async (host, get) => {
  if (!host.live) throw new NotMeasured('a captured machine cannot be measured')
  if ((await get(probe)).spin) return get(busy)
  const {isolated, windowMs} = await get(settings)
  return watchWindow({...host, live: host.live}, {cpus: isolated, windowMs, spinners: new Map()})
})

type LiveView = HostView & {readonly live: Live}

async function watchBusy(
  host: LiveView,
  {isolated, housekeeping, policy, windowMs, isolate}: Settings & {isolate: boolean},
): Promise<Watch> {
  const {live} = host
  await live.stayOn(housekeeping).catch(() => {}) // should it run on an isolated CPU, it is named like any other task
  const spinners = new Map<number, Helper>()
  const gaps = new Map<number, GapRecord>()
  const stopAll = async () => {
    const ended = [...spinners].map(async ([cpu, spinner]) => [cpu, await spinner.stop()] as const)
    spinners.clear()
    return Promise.all(ended)
  }
  try {
    for (const cpu of isolated) {
      spinners.set(
        cpu,
        await live.start([
          'isol-spin',
          ...['--cpu', `${cpu}`, '--policy', formatPolicy(policy), '--settle-ms', `${SETTLE_MS}`],
          ...(isolate ? ['--isolate'] : []),
        ]),
      )
    }
    await Promise.all([...spinners.values()].map(({ready}) => ready))
    await live.sleep(SETTLE_MS)
    const pids = new Map([...spinners].map(([cpu, {pid}]) => [cpu, pid]))
    const watch = await watchWindow(host, {cpus: isolated, windowMs, spinners: pids})
    const details = await whileBusy(host, {pids, isolate})
    for (const [cpu, {stdout, stderr}] of await stopAll()) gaps.set(cpu, parseRecord(cpu, stdout, stderr))
    return {
      ...watch,
      spun: true,
      cpus: watch.cpus.map((seen) => {
        const record = gaps.get(seen.cpu)
        return {...seen, ...details(seen.cpu), ...(record ? {gaps: record} : {})}
      }),
    }
  } finally {
    await stopAll()
  }
}

async function watchWindow(
  host: LiveView,
  {cpus, windowMs, spinners}: {cpus: CpuSet; windowMs: number; spinners: ReadonlyMap<number, number>},
): Promise<Watch> {
  const startedAt = host.live.now()
  const before = await takeSample(host, cpus)
  await host.live.sleep(windowMs)
  const after = await takeSample(host, cpus, before)
  return {
    startedAt,
    seconds: (after.atMs - before.atMs) / 1000,
    spun: false,
    cpus: movements(before, after, {cpus, spinners}),
  }
}

/** Read after the window and before the spinners stop: hints at a cause, and nothing that the counts depend on. */
async function whileBusy(
  host: LiveView,
  {pids, isolate}: {readonly pids: ReadonlyMap<number, number>; readonly isolate: boolean},
): Promise<(cpu: number) => Pick<CpuWatch, 'timers' | 'isolation'>> {
  const timers = await readTimers(host).catch(() => undefined)
  const isolation = new Map<number, ReadonlyMap<string, string>>()
  for (const [cpu, pid] of isolate ? pids : []) {
    const text = await host.read(`/proc/${pid}/task_isolation`).catch(() => undefined)
    if (text !== undefined) isolation.set(cpu, parsePairs(text))
  }
  return (cpu) => {
    const [armed, record] = [timers?.get(cpu), isolation.get(cpu)]
    return {...(armed ? {timers: armed} : {}), ...(record ? {isolation: record} : {})}
  }
}

const parsePairs = (text: string): ReadonlyMap<string, string> =>
  new Map([...text.matchAll(/^(\w+):\s*(.*)$/gm)].map(([, key = '', value = '']) => [key, value.trim()]))

function parseRecord(cpu: number, stdout: string, stderr: string): GapRecord {
  const line = stdout.split('\n').find((text) => text.startsWith('{'))
  if (line === undefined)
    throw new Error(stderr.trim() || `the spinner on CPU ${cpu} ended before the window closed`)
  return GapRecord.parse(JSON.parse(line))
}
