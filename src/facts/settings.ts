// SPDX-License-Identifier: MIT
import type {Policy} from '../config/policy.ts'
import type {Target} from '../config/target.ts'
import {defineFact} from './fact.ts'

/** What the operator asked for: which CPUs, under which policy, watched for how long. */
export interface Settings extends Target {
  readonly policy: Policy
  /** How long measurements watch, in milliseconds. */
  readonly windowMs: number
}

/** Given by the command, not read from the machine: see `given` in fact.ts. */
export const settings = defineFact<Settings>('settings', () => {
  throw new Error('the settings of this run were not given')
})
