// SPDX-License-Identifier: MIT

import type {InterruptClass} from '../../facts/interrupts.ts'
import type {Remedy} from '../../model/finding.ts'
import type {Circumstances} from '../circumstances.ts'
import type {Concern} from '../concern.ts'
import type {Moved, Ran} from '../sample.ts'
import type {CpuWatch} from '../watch.ts'

/** Why a CPU was interrupted. */
export interface Cause {
  /** Stable: "fair-server", "second-task"; "unknown" if nothing explains the counts. */
  readonly id: string
  readonly concern: Concern
  /** What did it: "fair server", "irq 24 (nvme0q1)", "kworker/3:1 [412]". */
  readonly label: string
  /**
   * What it did. It follows "label: ", starts in lower case and has no full stop. It is the same
   * text on every CPU, because findings are grouped by it.
   */
  readonly sentence: string
  readonly remedy?: Remedy
  /** The counts it explains. */
  readonly counts: readonly Moved[]
}

/** What a rung gets: the counts and tasks that no earlier rung has explained, and the watch. */
export interface Seen {
  readonly watch: CpuWatch
  readonly left: readonly Moved[]
  /** The number of interrupts of these classes that are not explained yet. */
  count(...classes: InterruptClass[]): number
  /** The same, per second. */
  rate(...classes: InterruptClass[]): number
  /** Tasks that no earlier rung has explained. */
  readonly ran: readonly Ran[]
}

export type Explained = Omit<Cause, 'counts'> & {
  /** Classes whose counts it explains. `tasks`: it explains the tasks as well. */
  readonly explains: readonly InterruptClass[]
  readonly tasks?: true
}

/** Recognizes one cause. Undefined if it does not explain what was seen. Pure. */
export type Rung = (seen: Seen, facts: Circumstances) => Explained | undefined
