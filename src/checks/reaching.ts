// SPDX-License-Identifier: MIT

import type {CpuSet} from '../model/cpuset.ts'
import type {Finding} from '../model/finding.ts'
import type {Target} from '../model/settings.ts'

type About = Pick<Finding, 'severity' | 'subject' | 'remedy'> & {
  /** Of the isolated CPUs that are reached: "could run on CPU 2-3". */
  says(open: CpuSet): string
}

/** A finding for something that may use these CPUs, if isolated CPUs are among them. Pure. */
export function reaching(
  cpus: CpuSet,
  {isolated, housekeeping}: Target,
  {says, ...about}: About,
): readonly Finding[] {
  const open = cpus.intersect(isolated)
  if (open.isEmpty) return []
  return [{...about, message: says(open), cpus: open, expected: `${housekeeping}`, actual: `${cpus}`}]
}
