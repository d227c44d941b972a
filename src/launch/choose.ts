// SPDX-License-Identifier: MIT

import {UserError} from '../lib/errors.ts'
import type {CpuSet} from '../model/cpuset.ts'
import type {Target} from '../model/settings.ts'

export interface ChooseFrom {
  /** The CPUs from the command line, the config or the boot arguments. */
  readonly target: Target
  /** All CPUs that the kernel isolates, whether or not they are in the target. */
  readonly setApart: CpuSet
}

/**
 * The CPUs for the program's isolated threads, and those for its control threads and for isolctl's
 * reporter. Other CPUs that the kernel isolates are not used. Throws UserError. Pure.
 */
export function choose({target, setApart}: ChooseFrom): Target {
  const housekeeping = target.housekeeping.minus(setApart)
  if (housekeeping.isEmpty)
    throw new UserError(`isolating ${target.isolated} leaves no housekeeping CPU`, {
      code: 'no-housekeeping',
      help: `CPUs ${setApart} are isolated at boot: launch on these only`,
    })
  return {isolated: target.isolated, housekeeping}
}
