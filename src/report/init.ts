// SPDX-License-Identifier: MIT
import type {Proposal} from '../config/propose.ts'
import {table, wrap} from '../lib/text.ts'
import {visible} from '../lib/visible.ts'
import type {InitReport} from '../schema/init.ts'
import {page} from './colour.ts'

export function initReport(proposal: Proposal, host: string): InitReport {
  const {isolated, housekeeping, reasons, remarks} = proposal
  return {
    schema: 'isolctl.init/1',
    host,
    isolated: `${isolated}`,
    housekeeping: `${housekeeping}`,
    reasons: reasons.map(({cpus, role, why}) => ({cpus: `${cpus}`, role, why})),
    remarks: [...remarks],
    config: configText(proposal, host),
  }
}

/** The text of the proposed config, with the reasons above it. Pure. */
export function configText({isolated, housekeeping, reasons, remarks}: Proposal, host: string): string {
  const why = table(reasons.map((reason) => [`#   ${reason.cpus}`, reason.role, reason.why]))
  const lines = [
    `# Proposed by isolctl init for ${host}. docs/config.md explains the keys.`,
    '#',
    ...why,
    ...remarks.map((remark) => `# ${remark}`),
    `isolated: ${isolated}`,
    `housekeeping: ${housekeeping}`,
    'policy: other',
    'isolation: static',
  ]
  // A newline in a name would end the comment that it is in.
  return lines.map((line) => `${visible(line)}\n`).join('')
}

/** The proposal for each CPU, and the next command. Pure. */
export function renderInit(report: InitReport, {width}: {readonly width: number}): string {
  const {host, isolated, housekeeping, reasons, remarks, config, written} = report
  const headline = `${host}: isolate ${isolated}, keep ${housekeeping} for housekeeping`
  const rest =
    written === undefined
      ? [...config.trimEnd().split('\n'), '', 'nothing was written']
      : [
          ...table(reasons.map(({cpus, role, why}) => [role, cpus, why])),
          ...remarks.flatMap((remark) => wrap(`! ${remark}`.split(' '), {width})),
          '',
          `written: ${written}        Next: isolctl plan`,
        ]
  return page([...wrap(headline.split(' '), {width}), '', ...rest])
}
