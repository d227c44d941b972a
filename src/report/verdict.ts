// SPDX-License-Identifier: MIT
import {CHECKS} from '../checks/registry.ts'
import type {Result} from '../checks/run.ts'
import {Exit} from '../lib/exit.ts'
import {CpuSet} from '../model/cpuset.ts'

export type Summary = Readonly<Record<Result['status'], number>>

export function summarize(results: readonly Result[]): Summary {
  const count = (wanted: Result['status']) => results.filter(({status}) => status === wanted).length
  return {
    ok: count('ok'),
    warn: count('warn'),
    fail: count('fail'),
    skip: count('skip'),
    unknown: count('unknown'),
  }
}

/** 1 for failures (or warnings under --strict), 3 when something is unknown, else 0. */
export function exitCode(results: readonly Result[], {strict}: {readonly strict: boolean}): Exit {
  const {fail, warn, unknown} = summarize(results)
  if (fail > 0 || (strict && warn > 0)) return Exit.failures
  return unknown > 0 ? Exit.unknown : Exit.ok
}

/** Together they look at every way in which a busy CPU can be disturbed; each must have passed for "quiet". */
const PROOF = CHECKS.filter(({proof}) => proof)

export interface CpuVerdict {
  readonly quiet: CpuSet
  readonly disturbed: CpuSet
  readonly unproven: CpuSet
  /** Checks that would have had to pass for a proof and were not answered; those allowed to fail among them. */
  readonly unanswered: readonly string[]
  /** Disturbed CPU to short names of what is wrong there: "irq 24", "fair server". */
  readonly why: ReadonlyMap<number, readonly string[]>
}

/** Pure. */
export function judgeCpus(results: readonly Result[], isolated: CpuSet): CpuVerdict {
  const why = new Map<number, readonly string[]>()
  // What was measured says more than what is set up: it comes first.
  const measured = (result: Result) => result.check.proof === true
  for (const result of [...results.filter(measured), ...results.filter((result) => !measured(result))]) {
    if (result.status !== 'fail') continue
    for (const {subject, cpus, severity} of result.findings) {
      if (severity !== 'fail') continue
      const label =
        subject === undefined || subject.startsWith('/') ? result.check.id : subject.replace(/ [[(].*$/, '')
      for (const cpu of cpus?.intersect(isolated) ?? [])
        why.set(cpu, [...new Set([...(why.get(cpu) ?? []), label])])
    }
  }
  const disturbed = CpuSet.from(why.keys())
  const rest = isolated.minus(disturbed)
  const answered = new Set(
    results.flatMap(({check, status}) => (status === 'skip' || status === 'unknown' ? [] : [check.id])),
  )
  const allowed = new Set(results.flatMap((result) => ('allowed' in result ? [result.check.id] : [])))
  const unanswered = PROOF.map(({id}) => id).filter((id) => !answered.has(id) || allowed.has(id))
  const proven = unanswered.length === 0
  return {
    disturbed,
    quiet: proven ? rest : CpuSet.empty,
    unproven: proven ? CpuSet.empty : rest,
    unanswered,
    why,
  }
}
