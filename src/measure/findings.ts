// SPDX-License-Identifier: MIT

import type {InterruptClass} from '../facts/interrupts.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Finding} from '../model/finding.ts'
import {type Cause, type Concern, causesOf, formatCounts} from './cause.ts'
import type {Circumstances} from './circumstances.ts'
import type {CpuWatch, Watch} from './watch.ts'

/** One finding per cause, with the CPUs it disturbed: the same trouble on 60 CPUs is said once. Pure. */
export function disturbances(watch: Watch, facts: Circumstances, ...concerns: Concern[]): readonly Finding[] {
  const groups = new Map<string, {cause: Cause; where: {cpu: number; cause: Cause}[]}>()
  for (const seen of watch.cpus) {
    for (const cause of causesOf(seen, facts).filter(({concern}) => concerns.includes(concern))) {
      const key = `${cause.id} ${cause.label} ${cause.sentence}`
      const group = groups.get(key) ?? {cause, where: []}
      group.where.push({cpu: seen.cpu, cause})
      groups.set(key, group)
    }
  }
  return [...groups.values()].map(({cause, where}) => ({
    severity: 'fail',
    subject: cause.label,
    message: `${cause.sentence}${traced(cause, where, watch)}`,
    cpus: CpuSet.from(where.map(({cpu}) => cpu)),
    expected: `nothing in ${formatSeconds(watch.seconds)}`,
    actual: describe(where, watch),
    ...(cause.remedy ? {remedy: cause.remedy} : {}),
  }))
}

const SHOWN = 3

/** Interrupts that another CPU sends, whatever they are for. */
const SENT: readonly InterruptClass[] = ['resched', 'call', 'irq-work', 'tlb']

/** Who did it, as tracepoints saw it on these CPUs; why they could not, where they were wanted. */
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
