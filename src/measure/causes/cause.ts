// SPDX-License-Identifier: MIT

import type {InterruptClass} from '../../facts/interrupts.ts'
import type {Remedy} from '../../model/finding.ts'
import type {Circumstances} from '../circumstances.ts'
import type {Concern} from '../concern.ts'
import type {Moved, Ran} from '../sample.ts'
import type {CpuWatch} from '../watch.ts'

/** Why a CPU was interrupted. */
export interface Cause {
  /** Stable: "fair-server", "second-task"; "unknown" when nothing explains the counts. */
  readonly id: string
  readonly concern: Concern
  /** Who: "fair server", "irq 24 (nvme0q1)", "kworker/3:1 [412]". */
  readonly label: string
  /** Does what, lower case, no full stop; reads on from "label: ", and is the same on every CPU it holds for. */
  readonly sentence: string
  readonly remedy?: Remedy
  /** The counts it explains. */
  readonly counts: readonly Moved[]
}

/** What a rung of the ladder looks at: the counts that no earlier rung has explained, and everything else. */
export interface Seen {
  readonly watch: CpuWatch
  readonly left: readonly Moved[]
  /** Interrupts of these classes that are still unexplained, altogether. */
  count(...classes: InterruptClass[]): number
  /** The same per second. */
  rate(...classes: InterruptClass[]): number
  /** Tasks that no earlier rung has explained. */
  readonly ran: readonly Ran[]
}

export type Explained = Omit<Cause, 'counts'> & {
  /** Classes whose counts it explains; the tasks as well with `tasks`. */
  readonly explains: readonly InterruptClass[]
  readonly tasks?: true
}

/** One cause: undefined where it does not explain what was seen. Pure. */
export type Rung = (seen: Seen, facts: Circumstances) => Explained | undefined
