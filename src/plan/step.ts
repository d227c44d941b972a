// SPDX-License-Identifier: MIT

import type {Fact} from '../facts/fact.ts'
import type {Change, Note} from '../model/change.ts'
import type {Settings} from '../model/settings.ts'

type Facts = Readonly<Record<string, Fact<unknown>>>
type Values<F extends Facts> = {readonly [K in keyof F]: F[K] extends Fact<infer T> ? T : never}

export interface StepSpec<F extends Facts> {
  /** Stable, and the file's name: `--only`, the journal, JSON and the remedies of checks use it. */
  readonly id: string
  /** The check that this step satisfies. */
  readonly check: string
  /** What will be true, in one line: "Move interrupts to housekeeping CPUs 0-1". Pure. */
  title(settings: Settings): string
  /** What an operator may notice while or because it is done. */
  readonly blast: string
  /** Takes effect at the next boot only. */
  readonly needsReboot?: true
  /** Only done when it was asked for by name, and why, in a few words: "could cut you off". */
  readonly onRequest?: string
  readonly facts: F
  /**
   * `pending`: it is all written already, and waits for a reboot.
   * Pure: the same facts always give the same changes; none when the machine is already as it should be.
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
