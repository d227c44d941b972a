// SPDX-License-Identifier: MIT

import type {Fact, Get} from '../facts/fact.ts'
import {NotMeasured} from '../host/host.ts'
import {commandOf, type Finding, type Remedy} from '../model/finding.ts'
import type {Check} from './check.ts'

export type Outcome =
  | {readonly status: 'ok'; readonly evidence?: string}
  | {
      readonly status: 'fail' | 'warn'
      readonly findings: readonly Finding[]
      readonly remedy?: Remedy
      /** Would have failed, but `--allow` makes it a warning. */
      readonly allowed?: true
    }
  /** The question was not put, or does not apply. */
  | {readonly status: 'skip'; readonly reason: string}
  /** We could not tell. Never counts as a pass. */
  | {readonly status: 'unknown'; readonly reason: string}

export type Result = {readonly check: Check; readonly ms: number} & Outcome

export interface CheckRunOptions {
  /** Ids of checks whose failures are to be warnings. */
  readonly allow?: ReadonlySet<string>
  /** Milliseconds, never going back. */
  readonly clock: () => number
  /** Called before a check is judged: some take as long as the window. */
  readonly starting?: (check: Check) => void
  readonly signal?: AbortSignal
  /** Flags of `isolctl apply` that give it the target of this run: ["--cpus", "2-3"]. */
  readonly applyFlags?: readonly string[]
}

/**
 * Judge in the given order. Yields each result as soon as it is known. Throws only when `signal`
 * aborts.
 */
export async function* runChecks(
  checks: readonly Check[],
  get: Get,
  {allow = new Set(), clock, starting, signal, applyFlags = []}: CheckRunOptions,
): AsyncGenerator<Result> {
  for (const check of checks) {
    signal?.throwIfAborted()
    starting?.(check)
    const start = clock()
    const outcome = aimed(await judge(check, get), applyFlags)
    signal?.throwIfAborted() // a measurement that was cut short says nothing
    yield {check, ms: clock() - start, ...(allow.has(check.id) ? allowed(outcome) : outcome)}
  }
}

/** A crash anywhere in a check is `unknown`: a check that cannot run has not passed. */
async function judge(check: Check, get: Get): Promise<Outcome> {
  try {
    const facts: Record<string, unknown> = {}
    await Promise.all(
      Object.entries(check.facts).map(async ([name, fact]) => {
        facts[name] = await get(fact as Fact<unknown>)
      }),
    )
    const reason = check.skip?.(facts)
    if (reason !== undefined) return {status: 'skip', reason}
    const judgement = check.judge(facts)
    if ('unknown' in judgement) return {status: 'unknown', reason: judgement.unknown}
    const findings = judgement
    if (findings.length === 0) {
      const evidence = check.evidence?.(facts)
      return {status: 'ok', ...(evidence === undefined ? {} : {evidence})}
    }
    const remedy = typeof check.remedy === 'function' ? check.remedy(facts) : check.remedy
    return {
      status: findings.some(({severity}) => severity === 'fail') ? 'fail' : 'warn',
      ...(remedy === undefined ? saidOnce(findings) : {findings, remedy}),
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {status: error instanceof NotMeasured ? 'skip' : 'unknown', reason}
  }
}

/** One remedy for several findings belongs to all of them. */
function saidOnce(findings: readonly Finding[]): {
  readonly findings: readonly Finding[]
  readonly remedy?: Remedy
} {
  const [first, ...others] = findings.map(({remedy}) => remedy)
  const same = (remedy: Remedy | undefined) =>
    remedy !== undefined &&
    first !== undefined &&
    remedy.text === first.text &&
    commandOf(remedy) === commandOf(first)
  if (first === undefined || others.length === 0 || !others.every(same)) return {findings}
  return {findings: findings.map(({remedy: _, ...finding}) => finding), remedy: first}
}

/** The outcome with remedies that apply the steps to the target of this run. */
function aimed(outcome: Outcome, flags: readonly string[]): Outcome {
  if (!('findings' in outcome) || flags.length === 0) return outcome
  const aim = <T extends {readonly remedy?: Remedy}>(about: T): T =>
    about.remedy?.step === undefined ? about : {...about, remedy: {...about.remedy, flags}}
  return aim({...outcome, findings: outcome.findings.map(aim)})
}

function allowed(outcome: Outcome): Outcome {
  if (outcome.status !== 'fail') return outcome
  return {...outcome, status: 'warn', allowed: true}
}
