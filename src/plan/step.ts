// SPDX-License-Identifier: MIT

import type {Fact} from '../facts/fact.ts'
import type {Change, Note} from '../model/change.ts'
import type {Settings} from '../model/settings.ts'

type Facts = Readonly<Record<string, Fact<unknown>>>
type Values<F extends Facts> = {readonly [K in keyof F]: F[K] extends Fact<infer T> ? T : never}

export interface StepSpec<F extends Facts> {
  /**
   * Stable id, equal to the file name. Used by `--only`, the journal, JSON output, and the remedies
   * of checks.
   */
  readonly id: string
  /** The check that passes after this step. */
  readonly check: string
  /** The result in one line: "Move interrupts to housekeeping CPUs 0-1". Pure. */
  title(settings: Settings): string
  /** What the operator may notice during or after the change. */
  readonly blast: string
  /** Takes effect only at the next boot. */
  readonly needsReboot?: true
  /** Applied only when requested by id; the text says why: "could disconnect you". */
  readonly onRequest?: string
  readonly facts: F
  /**
   * Pure: the same facts always give the same changes; none when nothing has to be changed.
   * `pending`: the changes are made and take effect at the next boot.
   */
  plan(facts: Values<F>): {
    readonly changes: readonly Change[]
    readonly notes?: readonly Note[]
    readonly pending?: true
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a list of steps over different facts
export type Step = StepSpec<any>

export function defineStep<const F extends Facts>(spec: StepSpec<F>): StepSpec<F> {
  return spec
}
