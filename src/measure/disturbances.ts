// SPDX-License-Identifier: MIT

import {defineFact} from '../facts/fact.ts'
import type {InterruptClass} from '../facts/interrupts.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Finding} from '../model/finding.ts'
import type {Cause} from './causes/cause.ts'
import {causesOf} from './causes/ladder.ts'
import {type Circumstances, circumstances} from './circumstances.ts'
import {CONCERNS, type Concern} from './concern.ts'
import type {Moved} from './sample.ts'
import {busy, type CpuWatch, probe, type Watch, watched} from './watch.ts'

/** What disturbed the CPUs, by kind, with one finding per cause. */
export type Disturbances = Readonly<Record<Concern, readonly Finding[]>>

/** Disturbances of the CPUs under load. Rejects with NotMeasured if there is no load. */
export const disturbancesUnderLoad = defineFact<Disturbances>(
  'disturbances-under-load',
  async (_host, get) => {
    const facts = await get(circumstances) // before the window: reading is work, too
    return disturbancesOf(await get(busy), facts)
  },
)

/** Disturbances of the CPUs over the window: under load, or without load under `--passive`. */
export const disturbances = defineFact<Disturbances>('disturbances', async (_host, get) => {
  if ((await get(probe)).spin) return get(disturbancesUnderLoad)
  const facts = await get(circumstances)
  return disturbancesOf(await get(watched), facts)
})

/**
 * One finding per cause, with the CPUs that it disturbed: one cause on 60 CPUs is one finding.
 * Pure.
 */
export function disturbancesOf(watch: Watch, facts: Circumstances): Disturbances {
  const groups = new Map<string, {cause: Cause; where: {cpu: number; cause: Cause}[]}>()
  for (const seen of watch.cpus) {
    for (const cause of causesOf(seen, facts)) {
      const key = `${cause.id} ${cause.concern} ${cause.label} ${cause.sentence}`
      const group = groups.get(key) ?? {cause, where: []}
      group.where.push({cpu: seen.cpu, cause})
      groups.set(key, group)
    }
  }
  const found = [...groups.values()].map(({cause, where}) => ({
    concern: cause.concern,
    finding: {
      severity: 'fail' as const,
      subject: cause.label,
      message: `${cause.sentence}${traced(cause, where, watch)}`,
      cpus: CpuSet.from(where.map(({cpu}) => cpu)),
      expected: `nothing in ${formatSeconds(watch.seconds)}`,
      actual: describe(where, watch),
      ...(cause.remedy ? {remedy: cause.remedy} : {}),
    },
  }))
  const of = (wanted: Concern): readonly Finding[] =>
    found.filter(({concern}) => concern === wanted).map(({finding}) => finding)
  return Object.fromEntries(CONCERNS.map((concern) => [concern, of(concern)] as const)) as Record<
    Concern,
    readonly Finding[]
  >
}

const SHOWN = 3

/** Classes of interrupts that another CPU sends. */
const SENT: readonly InterruptClass[] = ['resched', 'call', 'irq-work', 'tlb']

/** What tracepoints recorded on these CPUs, or why nothing could be recorded. */
function traced(
  {concern, counts}: Cause,
  where: readonly {cpu: number}[],
  {cpus, traceError}: Watch,
): string {
  if (traceError !== undefined) return `; could not be traced: ${traceError}`
  const here = new Set(where.map(({cpu}) => cpu))
  const sent = counts.some(({class: kind}) => SENT.includes(kind))
  const seen = new Map<string, number>()
  for (const {witnesses = []} of cpus.filter(({cpu}) => here.has(cpu)))
    for (const {what, count} of witnesses.filter(
      (witness) => witness.concern === concern || (sent && witness.concern === 'ipi'),
    ))
      seen.set(what, (seen.get(what) ?? 0) + count)
  const most = [...seen].sort(([, a], [, b]) => b - a).slice(0, SHOWN)
  return most.length === 0 ? '' : `; traced: ${most.map(([what, count]) => `${what} (${count})`).join(', ')}`
}

/** "10 s", "0.5 s" */
export const formatSeconds = (seconds: number): string => `${Math.round(seconds * 10) / 10} s`

/** "LOC 29, RES 29 on CPU 2; LOC 30 on CPU 3 and 5 more" */
function describe(where: readonly {cpu: number; cause: Cause}[], {cpus}: Watch): string {
  const one = ({cpu, cause}: {cpu: number; cause: Cause}) =>
    `${amount(
      cause,
      cpus.find((seen) => seen.cpu === cpu),
    )} on CPU ${cpu}`
  const shown = where.slice(0, 3).map(one).join('; ')
  return where.length > 3 ? `${shown}; and ${where.length - 3} more CPUs` : shown
}

function amount({counts, concern}: Cause, seen: CpuWatch | undefined): string {
  const switches =
    concern === 'task' && seen?.switches !== undefined ? `${seen.switches} context switches` : ''
  return [switches, formatCounts(counts)].filter(Boolean).join(', ') || 'seen'
}

/** "LOC 29, RES 29, CAL 29"; "3 interrupts" for a device, whose row has only a number. */
const formatCounts = (counts: readonly Moved[]): string =>
  counts
    .map(({name, count}) =>
      /^\d+$/.test(name) ? `${count} interrupt${count === 1 ? '' : 's'}` : `${name} ${count}`,
    )
    .join(', ')
