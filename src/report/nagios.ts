// SPDX-License-Identifier: MIT
import {Exit} from '../lib/exit.ts'
import type {Report} from '../schema/preflight.ts'
import {fails} from './plain-finding.ts'

/** Exit status of a monitoring plugin (https://nagios-plugins.org/doc/guidelines.html). */
export const NAGIOS = {OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3} as const

/** The worst state wins: failures, then unknown results, then warnings. Pure. */
export function nagiosState({checks}: Report, {strict}: {readonly strict: boolean}): keyof typeof NAGIOS {
  if (checks.some((check) => fails(check, strict))) return 'CRITICAL'
  if (checks.some(({status}) => status === 'unknown')) return 'UNKNOWN'
  return checks.some(({status}) => status === 'warn') ? 'WARNING' : 'OK'
}

/** The first line of a plugin: the state, the CPUs, and the counts as performance data. Pure. */
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

/**
 * The exit status of the plugin for a run without a result, such as bad usage or an interrupt:
 * UNKNOWN. Pure.
 */
export const nagiosExit = (code: number): number => (code === Exit.ok ? NAGIOS.OK : NAGIOS.UNKNOWN)
