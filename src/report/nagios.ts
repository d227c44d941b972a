// SPDX-License-Identifier: MIT
import {Exit} from '../lib/exit.ts'
import type {Report} from '../schema/preflight.ts'
import {fails} from './plain-finding.ts'

/** Exit status of a monitoring plugin (https://nagios-plugins.org/doc/guidelines.html). */
export const NAGIOS = {OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3} as const

/** Failures weigh more than what is unknown, and that more than a warning. Pure. */
export function nagiosState({checks}: Report, {strict}: {readonly strict: boolean}): keyof typeof NAGIOS {
  if (checks.some((check) => fails(check, strict))) return 'CRITICAL'
  if (checks.some(({status}) => status === 'unknown')) return 'UNKNOWN'
  return checks.some(({status}) => status === 'warn') ? 'WARNING' : 'OK'
}

/** What a plugin's first line says: the state, the answer, and the counts as performance data. Pure. */
export function nagiosLine(report: Report, options: {readonly strict: boolean}): string {
  const {cpus, summary} = report
  const parts = [
    ...(cpus.disturbed ? [`CPU ${cpus.disturbed} disturbed`] : []),
    ...(cpus.unproven ? [`CPU ${cpus.unproven} not proven`] : []),
    ...(cpus.quiet ? [`CPU ${cpus.quiet} quiet`] : []),
  ]
  const bad = report.checks.filter((check) => fails(check, options.strict)).map(({id}) => id)
  const about = [parts.join(', '), ...(bad.length > 0 ? [bad.join(' ')] : [])].filter(Boolean).join('; ')
  const data = `failed=${summary.fail} warnings=${summary.warn} unknown=${summary.unknown}`
  return `ISOLCTL ${nagiosState(report, options)} - ${about.replaceAll('|', '/')} | ${data}`
}

/** The exit status for our own: what is no result at all (bad usage, an interrupt) is UNKNOWN to a monitor. */
export const nagiosExit = (code: number): number => (code === Exit.ok ? NAGIOS.OK : NAGIOS.UNKNOWN)
