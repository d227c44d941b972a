// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {CHECKS} from '../../src/checks/registry.ts'
import {type Result, runChecks} from '../../src/checks/run.ts'
import {selectChecks} from '../../src/checks/select.ts'
import {gatherer} from '../../src/facts/fact.ts'
import {wrap} from '../../src/lib/text.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {reportContext} from '../../src/report/context.ts'
import {toReport} from '../../src/report/json.ts'
import {
  completedGroup,
  type GroupOptions,
  heading,
  renderGroup,
  renderSummary,
  squeezed,
} from '../../src/report/preflight.ts'
import {plain, renderResult} from '../../src/report/text.ts'
import {type Report, ReportSchema} from '../../src/schema/preflight.ts'
import {fakeLive, givens, goodFiles, interruptsText} from '../support/machine.ts'

const TEXT: GroupOptions = {paint: plain, width: 80, fold: true}

async function preflight(
  files: Readonly<Record<string, string>>,
  during: Readonly<Record<string, string>> = {},
) {
  const {host} = fakeLive(files, {during})
  const get = gatherer(host, givens())
  const results: Result[] = []
  for await (const result of runChecks(selectChecks(CHECKS, {}).selected, get, {clock: () => 0}))
    results.push(result)
  const context = await reportContext(host, get, {version: '0.1.0', results})
  return {results, report: toReport(results, context), context}
}

const BAD = {
  ...goodFiles(),
  '/sys/devices/system/cpu/nohz_full': '2\n',
  '/proc/irq/24/smp_affinity_list': '0-3\n',
  '/proc/irq/24/effective_affinity_list': '2\n',
  '/sys/kernel/debug/sched/fair_server/cpu2/runtime': '50000000\n',
}
const BAD_LATER = {
  '/proc/interrupts': interruptsText({
    24: [5, 6, 3, 0],
    LOC: [999, 999, 40, 2530],
    RES: [1, 2, 13, 4],
    CAL: [9, 9, 19, 9],
  }),
}

/** As the presenter prints it. */
function lines(results: readonly Result[], options = TEXT, head: readonly string[] = []): readonly string[] {
  const checks = results.map(({check}) => check)
  const text: string[] = []
  const print = squeezed((line) => text.push(line))
  const blocks = results.flatMap((_, index) => {
    const group = completedGroup(results.slice(0, index + 1), checks)
    return group === undefined ? [] : renderGroup(group, options)
  })
  for (const line of [...head, ...blocks, ...renderSummary(results, CpuSet.parse('2-3'), options)])
    print(line)
  return text
}

describe('the text report', () => {
  test('of a quiet machine', async () => {
    const {results, context} = await preflight(goodFiles())
    expect(
      lines(results, TEXT, heading({...context, ...context.settings}, TEXT)).join('\n'),
    ).toMatchSnapshot()
  })

  test('of a disturbed machine', async () => {
    const {results} = await preflight(BAD, BAD_LATER)
    const text = lines(results)
    expect(text.join('\n')).toMatchSnapshot()
    expect(text.at(-1)).toBe('Not quiet: 2 (fair server, irq 24), 3 (tick, nohz-full-effective, irq 24).')
  })

  test('shows every check with its evidence with --verbose', async () => {
    const {results} = await preflight(BAD, BAD_LATER)
    expect(lines(results, {...TEXT, verbose: true}).join('\n')).toMatchSnapshot()
  })

  test('keeps the first column free for the verdicts of lab demo', async () => {
    const {results} = await preflight(BAD, BAD_LATER)
    const text = lines(results, {...TEXT, verbose: true})
    expect(text.filter((line) => /^[✔✖!?–]/.test(line))).toEqual([])
  })

  test('prints a group as soon as its last check is known', async () => {
    const {results} = await preflight(goodFiles())
    const checks = results.map(({check}) => check)
    const done = (count: number) => completedGroup(results.slice(0, count), checks)?.group.subject
    const kernel = results.findIndex(({check}) => check.id === 'cmdline-unknown-params')
    expect([done(0), done(kernel - 1), done(kernel), done(kernel + 1)]).toEqual([
      undefined,
      undefined,
      'kernel',
      undefined,
    ])
    expect(done(results.length)).toBe('proof')
  })

  test('does not mark a group as passed if its proof was left out', async () => {
    const {results} = await preflight(goodFiles())
    const passive = results.map(
      (result): Result =>
        result.check.active
          ? {check: result.check, ms: 0, status: 'skip', reason: '--passive starts no spinner'}
          : result,
    )
    expect(lines(passive).filter((line) => /^ {2}. (devices|proof)/.test(line))).toEqual([
      '  ✔ devices           1 passed, 1 skipped',
      '  – proof             7 passed, 4 skipped   --passive starts no spinner',
    ])
  })

  test('fits 80 columns, except for commands', async () => {
    const {results} = await preflight(BAD, BAD_LATER)
    for (const verbose of [false, true]) {
      const long = lines(results, {...TEXT, verbose}).filter((line) => line.length > 80)
      expect(long.filter((line) => !/^ {10}\S/.test(line))).toEqual([])
    }
  })

  test('prints only failures and unknown results with --quiet', async () => {
    const {results} = await preflight(goodFiles())
    expect(lines(results, {...TEXT, quiet: true}).filter((line) => /^ {2}\S/.test(line))).toEqual([])
  })

  test('an allowed failure is marked as allowed', () => {
    const check = CHECKS[0]
    if (!check) throw new Error('no check')
    const result: Result = {
      check,
      ms: 0,
      status: 'warn',
      allowed: true,
      findings: [{severity: 'fail', message: 'no'}],
    }
    expect(renderResult(result, TEXT)[0]).toMatch(/^ {2}! .*\(allowed\)$/)
  })

  test('wrap keeps every word, and only a long word makes a line too long', () => {
    expect(wrap('a bb ccc dddddddddd e', {indent: 2, width: 8})).toEqual([
      '  a bb',
      '  ccc',
      '  dddddddddd',
      '  e',
    ])
  })
})

describe('the JSON report', () => {
  test.for<[string, () => Promise<{report: Report}>, Partial<Report>]>([
    ['quiet', () => preflight(goodFiles()), {ok: true, cpus: {quiet: '2-3', disturbed: '', unproven: ''}}],
    [
      'disturbed',
      () => preflight(BAD, BAD_LATER),
      {ok: false, cpus: {quiet: '', disturbed: '2-3', unproven: ''}},
    ],
  ])('of a machine that is %s keeps its schema', async ([, make, expected]) => {
    const {report} = await make()
    expect(ReportSchema.parse(JSON.parse(JSON.stringify(report)))).toMatchObject(expected)
  })

  test('contains the counts', async () => {
    const {report} = await preflight(BAD, BAD_LATER)
    expect(report.measured).toMatchObject([
      {cpu: 2, interrupts: {'24': 3, LOC: 10, RES: 10, CAL: 10}, contextSwitches: 0},
      {cpu: 3, interrupts: {LOC: 2500}, contextSwitches: 0},
    ])
    expect(report.window).toEqual({start: '2026-11-22T11:00:00.000Z', ms: 10_000, spun: true})
  })
})
