// SPDX-License-Identifier: MIT

import {visible} from '../lib/visible.ts'
import type {Report} from '../schema/preflight.ts'
import {detailLines, fails, findingLine} from './plain-finding.ts'
import type {RenderOptions} from './render-options.ts'

type CheckReport = Report['checks'][number]

/**
 * A report as JUnit XML, as Jenkins and GitLab read it, with one test case for each check. A fail
 * is a <failure>, an unknown is an <error>, and a skip is <skipped>. A warning passes, with its
 * text as the output; under `strict` it is a <failure>. Pure.
 */
export function toJunit(report: Report, {at, strict}: RenderOptions): string {
  const {host, checks, window, summary} = report
  const failures = checks.filter((check) => fails(check, strict)).length
  const suite = attributes({
    name: 'isolctl.preflight',
    tests: checks.length,
    failures,
    errors: summary.unknown,
    skipped: summary.skip,
    time: seconds(checks.reduce((sum, {ms}) => sum + ms, 0)),
    timestamp: (window?.start ?? at).slice(0, 'YYYY-MM-DDThh:mm:ss'.length), // without a zone
    hostname: host.name,
  })
  const properties = Object.entries({
    isolctl: report.isolctl,
    kernel: host.kernel,
    bootId: host.bootId,
    isolated: host.isolated,
    housekeeping: host.housekeeping,
    policy: report.policy,
    'window.ms': window && String(window.ms),
    'window.spun': window && String(window.spun),
    'cpus.quiet': report.cpus.quiet,
    'cpus.disturbed': report.cpus.disturbed,
    'cpus.unproven': report.cpus.unproven,
  }).flatMap(([name, value]) =>
    value === undefined ? [] : [`      <property${attributes({name, value})}/>`],
  )
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite${suite}>`,
    '    <properties>',
    ...properties,
    '    </properties>',
    ...checks.flatMap((check) => testCase(check, strict)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function testCase(check: CheckReport, strict: boolean): readonly string[] {
  const {id, ms, status, reason = '', evidence, findings = []} = check
  const open = `    <testcase${attributes({name: id, classname: 'isolctl.preflight', time: seconds(ms)})}`
  const body = (line: string) => [`${open}>`, `      ${line}`, '    </testcase>']
  const details = escaped(detailLines(check).map(visible).join('\n'))
  if (fails(check, strict)) {
    const [first] = findings
    const message = first ? findingLine(first) : check.title
    return body(`<failure${attributes({type: status, message})}>${details}</failure>`)
  }
  if (status === 'unknown') return body(`<error${attributes({type: status, message: reason})}/>`)
  if (status === 'skip') return body(`<skipped>${escaped(visible(reason))}</skipped>`)
  if (status === 'warn') return body(`<system-out>${details}</system-out>`)
  return evidence === undefined
    ? [`${open}/>`]
    : body(`<system-out>${escaped(visible(evidence))}</system-out>`)
}

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(visible(String(value)))}"`)
    .join('')

const ENTITY: Readonly<Record<string, string>> = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'}

/** A task name may contain any character. One that XML 1.0 does not allow becomes U+FFFD. */
const escaped = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll(/[&<>"]/g, (char) => ENTITY[char] ?? char)

const seconds = (ms: number) => (ms / 1000).toFixed(3)
