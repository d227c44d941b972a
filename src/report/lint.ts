// SPDX-License-Identifier: MIT

import {table} from '../lib/text.ts'
import type {Boot, Linted} from '../lint/lint.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {LintReport} from '../schema/lint.ts'
import {checkReport} from './json.ts'
import {renderCounts, renderResult, type TextOptions} from './text.ts'
import {summarize} from './verdict.ts'

/** `isolctl.lint/1`. Pure. */
export function lintReport(boot: Boot, {isolation, isolated, ticking, results}: Linted): LintReport {
  const all = `${CpuSet.from(Array.from({length: boot.cpus}, (_, cpu) => cpu))}`
  const summary = summarize(results)
  return {
    schema: 'isolctl.lint/1',
    kernel: boot.kernel.release,
    cpus: all,
    cmdline: boot.text.trim(),
    isolated: `${isolated}`,
    effective: {
      domain: `${isolation.domain}`,
      nohzFull: ticking ? '' : `${isolation.nohzFull}`,
      managedIrq: `${isolation.managedIrq}`,
      unbound: `${isolation.unbound}`,
      rcuNocbs: `${isolation.rcuNocbs}`,
      irqDefault: `${isolation.irqDefault ?? all}`,
    },
    ok: summary.fail + summary.unknown === 0,
    summary,
    checks: results.map(checkReport),
  }
}

const EFFECTS: Readonly<Record<keyof LintReport['effective'], string>> = {
  domain: 'out of load balancing',
  nohzFull: 'the tick may stop',
  unbound: 'free of unbound work',
  managedIrq: 'managed interrupts avoid',
  rcuNocbs: 'RCU callbacks offloaded',
  irqDefault: 'new interrupts go to',
}

/** How the kernel would read the arguments, then the results of the checks. Pure. */
export function renderLint(report: LintReport, {results}: Linted, options: TextOptions): readonly string[] {
  const {kernel, cpus, effective, isolated} = report
  const rows = Object.entries(EFFECTS).map(([key, what]) => [
    `  ${what}`,
    effective[key as keyof typeof effective] || 'none',
  ])
  const head = [
    options.paint('bold', `Linux ${kernel} on CPUs ${cpus}, booted with these arguments:`),
    '',
    ...table(rows),
    '',
  ]
  return [
    ...(options.quiet ? [] : head),
    ...results.flatMap((result) => renderResult(result, options)),
    '',
    renderCounts(results, options),
    ...(isolated === '' ? [options.paint('red', 'No CPU would be isolated.')] : []),
  ]
}
