// SPDX-License-Identifier: MIT
import type {CpuSet} from './cpuset.ts'
import type {StepId} from './steps.ts'

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

/**
 * What to do about a finding: a sentence, and what carries it out. A step of `isolctl apply` is named as one, so that no
 * report advises two ways to do the same; `command` is for what no step does.
 */
export type Remedy =
  | {
      readonly text: string
      readonly step: StepId
      /** Flags that apply needs to take the same CPUs and config as this run. */
      readonly flags?: readonly string[]
      readonly command?: never
    }
  | {readonly text: string; readonly step?: never; readonly command?: string}

/** The command line to copy, if there is one. Pure. */
export const commandOf = (remedy: Remedy): string | undefined =>
  remedy.step === undefined
    ? remedy.command
    : ['isolctl apply', ...(remedy.flags ?? []), '--only', remedy.step].join(' ')
