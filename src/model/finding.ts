// SPDX-License-Identifier: MIT
import type {CpuSet} from './cpuset.ts'

export type Severity = 'fail' | 'warn'

/** One thing wrong, at one place. */
export interface Finding {
  readonly severity: Severity
  /** Lower case, no full stop; says what is, not what to do. */
  readonly message: string
  /** What it is about, for grouping and for machines: "irq 24 (nvme0q3)", a path, "kworker/3:1 [412]". */
  readonly subject?: string
  readonly cpus?: CpuSet
  readonly expected?: string
  readonly actual?: string
  /** What to do about this one, where it differs from finding to finding. */
  readonly remedy?: Remedy
}

export interface Remedy {
  readonly text: string
  readonly command?: string
}
