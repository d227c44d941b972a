// SPDX-License-Identifier: MIT
import {beforeAll, describe, expect, test} from 'vitest'
import {type LintReport, LintSchema} from '../../src/schema/lint.ts'
import {amissIn, BAD_BOOT_ARGUMENTS, INJECTIONS, SCENARIOS} from './guest/injections.ts'
import {
  expectHarmless,
  failures,
  ISOLATION,
  type Parts,
  refused,
  reportOf,
  runScenarios,
  said,
} from './guest.ts'

/** Consequences of a running task: which of them are visible depends on the time. */
const FOLLOWERS = new Set([
  ...['tick-stopped-under-load', 'stray-tasks-present', 'stray-tasks-allowed', 'rq-nr-switches'],
  ...['rq-nr-running', 'ipi-delta', 'kthread-percpu-quiet', 'hrtimers-on-core'],
])

describe('a quiet machine', () => {
  let parts: Parts = {}
  const report = (name: string) => reportOf(parts, name)
  beforeAll(async () => {
    parts = await runScenarios(SCENARIOS)
  })

  test('was disturbed in every way, and each printed remedy could be applied', () => {
    expect(failures(parts)).toEqual([])
    expect(refused(parts)).toEqual([])
    expect(Object.keys(parts).filter((name) => name.startsWith('remedy')).length).toBe(10)
  })

  test('is quiet for SCHED_OTHER and for SCHED_FIFO, with the measured time', () => {
    for (const name of ['quiet', 'fifo']) {
      expect(amissIn(report(name))).toEqual({})
      expect(report(name).cpus).toMatchObject({quiet: '2-3', disturbed: '', unproven: ''})
      const proof = report(name).checks.find(({id}) => id === 'tick-stopped-under-load')
      const [, seconds] = /^0 interrupts on 2-3 in ([\d.]+) s$/.exec(proof?.evidence ?? '') ?? []
      expect(Number(seconds)).toBeGreaterThanOrEqual(3)
    }
    expect(report('fifo').policy).toBe('fifo:50')
  })

  test('with --passive, is not reported as quiet, and the missing checks are listed', () => {
    expect(report('quiet, passive').cpus).toEqual({
      quiet: '',
      disturbed: '',
      unproven: '2-3',
      unanswered: ['tick-stopped-under-load', 'ipi-delta'],
    })
  })

  test('captured, is judged as on the machine', () => {
    const there = report('captured').checks.filter(({reason = ''}) => !/captured machine/.test(reason))
    const now = new Map(report('quiet, passive').checks.map(({id, status}) => [id, status]))
    expect(there.map(({id, status}) => [id, status])).toEqual(there.map(({id}) => [id, now.get(id)]))
    expect(there.length).toBeGreaterThan(30)
  })

  test.for(Object.entries(INJECTIONS))(
    '%s: exactly its checks report it, and the remedy helps',
    ([name, {amiss, id, says, after}]) => {
      expect(amissIn(report(name))).toEqual(amiss)
      expect(said(report(name), id)).toMatch(says)
      expect(amissIn(report(after))).toEqual({})
      expect(report(after).checks.filter(({id}) => id !== 'virt-guest').length).toBeGreaterThan(0)
    },
  )

  test('irqbalance is no problem without a ban of its administrator, and none when it has ended', () => {
    expectHarmless(parts)
  })

  test('the fair server is reported, the tracepoints show how it disturbs, and no tracing remains', () => {
    expect(Object.keys(amissIn(report('fair server')))).toEqual(
      expect.arrayContaining(['fair-server', 'tick-stopped-under-load']),
    )
    expect(said(report('fair server'), 'tick-stopped-under-load')).toMatch(
      /fair server: interrupts the SCHED_OTHER task once a second/,
    )
    // Its timer fires on the CPU itself, or on the CPU to which the kernel moved it, which then
    // interrupts this CPU.
    expect(parts['fair server']?.output).toMatch(
      /; traced: .*(the tick is held by SCHED|dl_task_timer|nohz_full_kick_func sent by CPU [01] )/,
    )
    expect(parts['instances']).toEqual({output: '', exit: 0})
    expect(amissIn(report('fair server off'))).toEqual({})
    expect(report('fair server off').measured?.map(({cpu}) => cpu)).toEqual([2, 3])
  })

  test.each([
    ['task runs', 'task runs elsewhere'],
    ['second task', 'second task moved'],
  ])('%s: it is the only reported cause, and the remedy helps', (name, after) => {
    const run = report(name)
    expect(run.cpus).toMatchObject({quiet: '2', disturbed: '3'})
    expect(said(run, 'stray-tasks-present')).toMatch(/\bsh \[\d+\].*: ran on the CPU/)
    expect(Object.keys(amissIn(run)).filter((id) => !FOLLOWERS.has(id))).toEqual([])
    expect(amissIn(report(after))).toEqual({})
  })

  test('a second task that never sleeps restarts the tick, and is reported as the cause', () => {
    const run = report('second task')
    expect(Object.keys(run.measured?.find(({cpu}) => cpu === 3)?.interrupts ?? {})).toContain('LOC')
    // On a busy host, emulated CPUs have fewer ticks than the kernel's HZ: these are attributed to
    // the task.
    expect(`${said(run, 'tick-stopped-under-load')}\n${said(run, 'stray-tasks-present')}`).toMatch(
      /second task: keeps the tick on: .*\bsh \[\d+\]|\bsh \[\d+\].*: ran on the CPU/,
    )
  })
})

describe('a machine with bad boot arguments', () => {
  let parts: Parts = {}
  const report = () => reportOf(parts, 'boot')
  beforeAll(async () => {
    parts = await runScenarios(['boot'], {
      bootArguments: BAD_BOOT_ARGUMENTS,
      env: {DISTURBED: '2'},
    })
  })

  test('a list that is too short, and a misspelt, an unknown and a duplicate argument are each reported', () => {
    expect(failures(parts)).toEqual([])
    expect(said(report(), 'nohz-full-effective')).toMatch(/CPU 2 keeps the tick: booted with nohz_full=3/)
    expect(said(report(), 'cmdline-misread')).toMatch(/nohz_ful=2: has no effect: .*is nohz_full= meant\?/)
    expect(said(report(), 'cmdline-misread')).toMatch(/"managedirq" is not a flag and is skipped/)
    expect(said(report(), 'cmdline-duplicates')).toMatch(/rcu_nocbs: given 2 times: the last wins/)
    expect(said(report(), 'cmdline-kernel-warnings')).toMatch(/isolcpus: Skipped unknown flag/)
    expect(said(report(), 'tick-stopped-under-load')).toMatch(
      /tick: not stopped: the CPU is not in nohz_full/,
    )
  })

  test('lint reports the same before the boot, and predicts what the kernel did', () => {
    const lint: LintReport = LintSchema.parse(JSON.parse(parts['lint']?.output ?? ''))
    const findings = (
      {checks}: {checks: readonly {id: string; findings?: readonly unknown[] | undefined}[]},
      id: string,
    ) => checks.find((check) => check.id === id)?.findings
    for (const id of ['cmdline-misread', 'cmdline-duplicates', 'nohz-full-effective'])
      expect(findings(lint, id)).toEqual(findings(report(), id))
    expect(lint.effective).toMatchObject({domain: '2-3', nohzFull: '3', rcuNocbs: '3', irqDefault: '0-1'})
  })

  test('after a reboot with the arguments that isolctl advises, it is quiet', async () => {
    const advice = /pass these arguments to the kernel: ([^"\\]*)/.exec(parts['boot advice']?.output ?? '')
    // isolctl cannot know that the TSC of the lab is good.
    const again = await runScenarios(['boot'], {
      bootArguments: [...(advice?.[1]?.split(' ') ?? []), 'tsc=reliable'],
    })
    expect(failures(again)).toEqual([])
    expect(refused(again)).toEqual([])
    expect(amissIn(reportOf(again, 'boot'))).toEqual({})
    expect(reportOf(again, 'boot').cpus).toMatchObject({quiet: '2-3', disturbed: '', unproven: ''})
  })
})

describe('a machine whose clock is watched', () => {
  /**
   * The kernel of the series keeps the watchdog itself off CPUs without timers (patch 12), but not
   * its verdict. An emulated TSC usually fails its test after a while: then there is no clock with
   * which the tick can stop.
   */
  test('is quiet as long as the clock passes, and the clock is reported when it fails', async () => {
    // Not before the test: a second try needs another machine.
    const parts = await runScenarios(['clock'], {
      bootArguments: ISOLATION.filter((argument) => !argument.startsWith('tsc=')),
    })
    expect(failures(parts)).toEqual([])
    const run = reportOf(parts, 'clock')
    const passes = run.cpus.disturbed === ''
    if (passes) expect(run.cpus.quiet).toBe('2-3')
    else
      expect(said(run, 'tick-stopped-under-load')).toMatch(
        /clock: keeps the tick on: the clock source is hpet/,
      )
    const status = (id: string) => run.checks.find((check) => check.id === id)?.status
    // Settings are judged as they were before the proof: the kernel may give up the clock in
    // between.
    expect([
      ['ok', 'warn'], // watched, and it cannot be excluded
      ['fail', 'skip'], // given up
    ]).toContainEqual([status('clocksource-tsc'), status('clocksource-watchdog-off')])
  })
})
