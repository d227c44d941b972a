// SPDX-License-Identifier: MIT
import type {Report} from '../schema/preflight.ts'
import {comparison} from './comparison.ts'

type CheckReport = Report['checks'][number]
type FindingReport = NonNullable<CheckReport['findings']>[number]

/** Whether this result alone makes the run fail: warnings do under --strict. */
export const fails = ({status}: CheckReport, strict: boolean): boolean =>
  status === 'fail' || (strict && status === 'warn')

/** One finding on one line: "irq 24 (nvme0q3): delivered to CPU 3 (expected 0-1, found 3)". Pure. */
export function findingLine({subject, message, expected, actual}: FindingReport): string {
  const compared = comparison({expected, actual})
  return `${subject === undefined ? '' : `${subject}: `}${message}${compared ? ` (${compared})` : ''}`
}

/** All that is to be said of a result that is not a pass, a line each, the help last. Pure. */
export function detailLines({findings = [], remedy}: CheckReport): readonly string[] {
  return [
    ...findings.flatMap((finding) => [
      findingLine(finding),
      ...(finding.remedy ? [helpLine(finding.remedy)] : []),
    ]),
    ...(remedy ? [helpLine(remedy)] : []),
  ]
}

const helpLine = ({text, command}: NonNullable<CheckReport['remedy']>) =>
  `help: ${text}${command === undefined ? '' : `: ${command}`}`
