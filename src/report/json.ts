// SPDX-License-Identifier: MIT

import type {Result} from '../checks/run.ts'
import type {Watch} from '../measure/watch.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {commandOf, type Finding, type Remedy} from '../model/finding.ts'
import {formatPolicy} from '../model/policy.ts'
import type {Settings} from '../model/settings.ts'
import type {Report} from '../schema/preflight.ts'
import {judgeCpus, summarize} from './verdict.ts'

export interface ReportContext {
  readonly version: string
  readonly name: string
  /** False for a captured machine. */
  readonly live: boolean
  readonly kernel?: string
  readonly bootId?: string
  readonly online?: CpuSet
  readonly settings: Settings
  readonly watch?: Watch
}

/** Results as `isolctl.report/1` (src/schema/preflight.ts). Pure. */
export function toReport(results: readonly Result[], context: ReportContext): Report {
  const {version, name, kernel, bootId, online, settings, watch} = context
  const summary = summarize(results)
  const {quiet, disturbed, unproven, unanswered} = judgeCpus(results, settings.isolated)
  return {
    schema: 'isolctl.report/1',
    isolctl: version,
    host: {
      name,
      ...(kernel === undefined ? {} : {kernel}),
      ...(bootId === undefined ? {} : {bootId}),
      ...(online === undefined ? {} : {online: `${online}`}),
      isolated: `${settings.isolated}`,
      housekeeping: `${settings.housekeeping}`,
    },
    policy: formatPolicy(settings.policy),
    ...(watch
      ? {window: {start: watch.startedAt, ms: Math.round(watch.seconds * 1000), spun: watch.spun}}
      : {}),
    ok: summary.fail + summary.unknown === 0,
    summary,
    cpus: {
      quiet: `${quiet}`,
      disturbed: `${disturbed}`,
      unproven: `${unproven}`,
      ...(unproven.isEmpty ? {} : {unanswered: [...unanswered]}),
    },
    ...(watch ? {measured: watch.cpus.map(measured)} : {}),
    checks: results.map(checkReport),
  }
}

/** One result, as it stands in a report. Pure. */
export const checkReport = (result: Result): Report['checks'][number] => ({
  id: result.check.id,
  title: result.check.title,
  status: result.status,
  ms: Math.round(result.ms),
  ...('evidence' in result ? {evidence: result.evidence} : {}),
  ...('reason' in result ? {reason: result.reason} : {}),
  ...('allowed' in result ? {allowed: true as const} : {}),
  ...('findings' in result ? {findings: result.findings.map(finding)} : {}),
  ...('findings' in result ? remedied(result.remedy) : {}),
})

const finding = ({cpus, remedy, ...rest}: Finding) => ({
  ...rest,
  ...remedied(remedy),
  ...(cpus === undefined ? {} : {cpus: `${cpus}`}),
})

function remedied(remedy: Remedy | undefined): Pick<Report['checks'][number], 'remedy'> {
  if (remedy === undefined) return {}
  const command = commandOf(remedy)
  return {remedy: {text: remedy.text, ...(command === undefined ? {} : {command})}}
}

const measured = ({cpu, interrupts, switches, stealMs, gaps}: Watch['cpus'][number]) => ({
  cpu,
  interrupts: Object.fromEntries(interrupts.map(({name, count}) => [name, count])),
  ...(switches === undefined ? {} : {contextSwitches: switches}),
  stealMs,
  ...(gaps ? {maxGapNs: gaps.maxGapNs, gapsOver1us: gaps.gaps} : {}),
})
