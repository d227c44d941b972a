// SPDX-License-Identifier: MIT
import type {Policy} from '../config/policy.ts'
import type {Target} from '../config/target.ts'
import type {IsolationPolicy} from '../kernel/boot/policy.ts'
import {defineFact} from './fact.ts'

/** What the operator asked for: which CPUs, under which policy, watched for how long. */
export interface Settings extends Target {
  readonly policy: Policy
  /** How long measurements watch, in milliseconds. */
  readonly windowMs: number
  /** How isolation begins at boot; absent: static, and no arguments besides ours. */
  readonly boot?: {readonly isolation: IsolationPolicy; readonly extra: readonly string[]}
  /** PCI addresses of devices that programs are to drive themselves. */
  readonly devices?: readonly string[]
  /** Huge pages that programs need near the isolated CPUs: size in KiB to number. */
  readonly hugepages?: ReadonlyMap<number, number>
}

/** Given by the command, not read from the machine: see `given` in fact.ts. */
export const settings = defineFact<Settings>('settings', () => {
  throw new Error('the settings of this run were not given')
})
