// SPDX-License-Identifier: MIT
import type {Fact} from '../facts/fact.ts'

import type {Finding, Remedy} from '../model/finding.ts'

type Facts = Readonly<Record<string, Fact<unknown>>>
type Values<F extends Facts> = {readonly [K in keyof F]: F[K] extends Fact<infer T> ? T : never}

/** What a judge says: findings (none: the check passes), or why it cannot tell. */
export type Judgement = readonly Finding[] | {readonly unknown: string}

export interface CheckSpec<F extends Facts> {
  /** Stable, and the file's name: `--only`, `--skip`, JSON and docs all use it. */
  readonly id: string
  /** States the good case, so that a failure reads as its denial. */
  readonly title: string
  readonly why: string
  /**
   * What the values in its findings and its evidence mean, and which of them are good. Whole
   * sentences.
   */
  readonly values: string
  readonly facts: F
  /** A reason this check does not apply, or undefined. Pure. */
  skip?(facts: Values<F>): string | undefined
  /** Pure: the same facts always give the same findings. */
  judge(facts: Values<F>): Judgement
  /** What was seen, in a few words, when the check passes: "0 interrupts on 2-3 in 10 s". Pure. */
  evidence?(facts: Values<F>): string | undefined
  /** What to do about it; a function where the answer depends on what was found. Pure. */
  readonly remedy?: Remedy | ((facts: Values<F>) => Remedy | undefined)
  /** Kernel file or document the claim rests on. */
  readonly reference?: string
  /** Disturbs the CPUs it looks at (spinner): left out by `--passive`. */
  readonly active?: true
  /** One of those that must all have passed before a CPU counts as quiet. */
  readonly proof?: true
  /** Useful to know, and not needed for isolation. Runs with `--extended`, or by name. */
  readonly extended?: true
}

// biome-ignore lint/suspicious/noExplicitAny: a list of checks over different facts
export type Check = CheckSpec<any>

export function defineCheck<const F extends Facts>(spec: CheckSpec<F>): CheckSpec<F> {
  return spec
}
