// SPDX-License-Identifier: MIT

import {UserError} from '../lib/errors.ts'
import type {CpuSet} from '../model/cpuset.ts'
import type {Target} from '../model/settings.ts'

export interface ChooseFrom {
  /** What was asked for, by flag or config, or what was booted. */
  readonly target: Target
  /** Every CPU that the kernel was told to keep quiet, asked for or not. */
  readonly setApart: CpuSet
}

/**
 * Where the program's isolated threads run, and where everything else of the job does: its control threads and our
 * reporter. CPUs that are set apart for others are left alone. Throws UserError. Pure.
 */
export function choose({target, setApart}: ChooseFrom): Target {
  const housekeeping = target.housekeeping.minus(setApart)
  if (housekeeping.isEmpty)
    throw new UserError(`isolating ${target.isolated} leaves no housekeeping CPU`, {
      code: 'no-housekeeping',
      help: `CPUs ${setApart} are set apart at boot: launch on these only`,
    })
  return {isolated: target.isolated, housekeeping}
}
