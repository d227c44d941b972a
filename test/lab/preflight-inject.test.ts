// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {runInLab} from '../../src/lab/run.ts'
import {type LintReport, LintSchema} from '../../src/report/schema/lint.ts'
import {type Report, ReportSchema} from '../../src/report/schema/preflight.ts'
import {testKernel} from './kernel.ts'

type Parts = Readonly<Record<string, {readonly output: string; readonly exit: number}>>

async function inject(scenarios: readonly string[], bootArguments?: readonly string[]): Promise<Parts> {
  const guest = join(import.meta.dirname, 'guest/inject.ts')
  const {stdout, stderr} = await runInLab([process.execPath, guest, ...scenarios], {
    kernel: await testKernel(),
    cpus: 4,
    timeoutMs: 1_500_000,
    ...(bootArguments ? {bootArguments} : {}),
  })
  if (!stdout.startsWith('{')) throw new Error(`the guest said nothing of use: ${stdout}${stderr}`)
  return JSON.parse(stdout)
}

function reportOf(parts: Parts, name: string): Report {
  const part = parts[name]
  if (part === undefined) throw new Error(`the guest never came to "${name}"`)
  return ReportSchema.parse(JSON.parse(part.output))
}

/** What is not as it should be: id to status. That this is a virtual machine is the only warning of a quiet one. */
const amiss = ({checks}: Report): Record<string, string> =>
  Object.fromEntries(
    checks
      .filter(({id, status}) => id !== 'virt-guest' && status !== 'ok' && status !== 'skip')
      .map(({id, status}) => [id, status]),
  )
const said = ({checks}: Report, id: string): string =>
  (checks.find((check) => check.id === id)?.findings ?? [])
    .map(({subject, message}) => `${subject}: ${message}`)
    .join('\n')

const SCENARIOS = [
  'quiet',
  'irq',
  'kthread',
  'task',
  'fairServer',
  'tracer',
  'workqueue',
  'watchdog',
  'irqbalance',
  'partition',
]

describe('a quiet machine', () => {
  let parts: Parts = {}
  const report = (name: string) => reportOf(parts, name)
  beforeAll(async () => {
    parts = await inject(SCENARIOS)
  })

  test('was disturbed in every way, and each apply did what it was asked to', () => {
    expect(Object.keys(parts).filter((name) => name.startsWith('failed'))).toEqual([])
    const applied = Object.entries(parts).filter(([name]) => name.startsWith('apply '))
    expect(applied.filter(([, {exit}]) => exit !== 0)).toEqual([])
    expect(applied.length).toBeGreaterThanOrEqual(6)
  })

  test('is quiet for SCHED_OTHER and for SCHED_FIFO, and says over how long', () => {
    for (const name of ['quiet', 'fifo']) {
      expect(amiss(report(name))).toEqual({})
      expect(report(name).cpus).toMatchObject({quiet: '2-3', disturbed: '', unproven: ''})
      const proof = report(name).checks.find(({id}) => id === 'tick-stopped-under-load')
      expect(proof?.evidence).toMatch(/^0 interrupts on 2-3 in 3(\.\d)? s$/)
    }
    expect(report('fifo').policy).toBe('fifo:50')
  })

  test('passively looked at, is not called quiet, and what is missing for that is named', () => {
    expect(report('quiet, passive').cpus).toEqual({
      quiet: '',
      disturbed: '',
      unproven: '2-3',
      unanswered: ['tick-stopped-under-load', 'ipi-delta'],
    })
  })

  test('captured, is judged as it was when looked at', () => {
    const still = ({checks}: Report) =>
      checks.filter(({reason = ''}) => !/captured machine/.test(reason)).map(({ms: _, ...check}) => check)
    const there = still(report('captured'))
    const ids = new Set(there.map(({id}) => id))
    expect(there).toEqual(still(report('quiet, passive')).filter(({id}) => ids.has(id)))
    expect(ids.size).toBeGreaterThan(30)
  })

  /** Disturbance, the checks that tell of it, what they say, and the part in which its remedy has worked. */
  test.for<[name: string, amiss: Record<string, string>, id: string, says: RegExp, after: string]>([
    [
      'irq pinned',
      // Whether an interrupt is managed the kernel tells in debugfs only, which this one is built without.
      {'irq-affinity-requested': 'fail', 'irq-affinity-effective': 'fail', 'irq-managed-queues': 'unknown'},
      'irq-affinity-effective',
      /irq \d+ \(ttyS0\): delivered to CPU 3/,
      'irq moved',
    ],
    [
      'kthread allowed',
      {'kthread-unbound-affinity': 'warn'},
      'kthread-unbound-affinity',
      /kthreadd \[2\]: could run on CPU 2-3/,
      'kthread moved',
    ],
    [
      'task allowed',
      {'stray-tasks-allowed': 'warn'},
      'stray-tasks-allowed',
      /sleep \[\d+\]: could run on CPU 2/,
      'task moved',
    ],
    ['traced', {'tracing-off': 'warn'}, 'tracing-off', /1 events are on/, 'not traced'],
    [
      'workqueue open',
      {'wq-unbound-cpumask': 'fail', 'wq-sysfs-cpumasks': 'fail'},
      'wq-unbound-cpumask',
      /the mask includes CPU 2-3/,
      'workqueue closed',
    ],
    [
      'soft lockup watchdog',
      {'softlockup-mask': 'fail', 'hrtimers-on-core': 'warn'},
      'softlockup-mask',
      /the soft lockup detector runs on CPU 2-3/,
      'soft lockup watchdog off',
    ],
    [
      'irqbalance runs',
      {'irqbalance-state': 'fail'},
      'irqbalance-state',
      /irqbalance \[\d+\]: uses CPU 2-3/,
      'irqbalance stopped',
    ],
    [
      'partition invalid',
      {'partition-valid': 'fail', 'partition-vs-isolcpus': 'fail'},
      'partition-valid',
      /it is not isolated: partition config conflicts with housekeeping setup/,
      'partition gone',
    ],
  ])('%s: exactly its checks tell, and the remedy helps', ([name, expected, id, says, after]) => {
    expect(amiss(report(name))).toEqual(expected)
    expect(said(report(name), id)).toMatch(says)
    expect(amiss(report(after))).toEqual({})
    expect(report(after).summary.ok + report(after).summary.skip).toBeGreaterThan(0)
  })

  test('the fair server is named, and the tracepoints show how it disturbs; nothing of the trace stays', () => {
    expect(Object.keys(amiss(report('fair server')))).toEqual(
      expect.arrayContaining(['fair-server', 'tick-stopped-under-load']),
    )
    expect(said(report('fair server'), 'tick-stopped-under-load')).toMatch(
      /fair server: interrupts the SCHED_OTHER task once a second/,
    )
    // Its timer fires on the CPU itself, or where the kernel moved it, which then kicks the CPU out of its quiet.
    expect(parts['fair server']?.output).toMatch(
      /; traced: .*(dl_task_timer|nohz_full_kick_func sent by CPU [01] )/,
    )
    expect(parts['instances']).toEqual({output: '', exit: 0})
    expect(amiss(report('fair server off'))).toEqual({})
    expect(report('fair server off').measured?.map(({cpu}) => cpu)).toEqual([2, 3])
  })

  test.each(['task runs', 'second task'])('%s: it is named, and the tick it brings', (name) => {
    const run = report(name)
    expect(run.cpus).toMatchObject({quiet: '2', disturbed: '3'})
    expect(said(run, 'tick-stopped-under-load')).toMatch(/second task: keeps the tick on: .*sh \[\d+\]/)
    expect(said(run, 'stray-tasks-present')).toMatch(/sh \[\d+\].*: ran on the CPU/)
    const followers = [
      'ipi-delta',
      'kthread-percpu-quiet',
      'rq-nr-switches',
      'rq-nr-running',
      'stray-tasks-allowed',
    ]
    expect(
      Object.keys(amiss(run)).filter(
        (id) => !['tick-stopped-under-load', 'stray-tasks-present', ...followers].includes(id),
      ),
    ).toEqual([])
  })

  test('the second task is gone after what the report says to do', () => {
    expect(amiss(report('second task moved'))).toEqual({})
  })
})

describe('a machine with bad boot arguments', () => {
  let parts: Parts = {}
  beforeAll(async () => {
    parts = await inject(
      ['boot'],
      [
        ...['isolcpus=domain,managed_irq,2-3', 'nohz_full=3', 'nohz_ful=2', 'rcu_nocbs=2', 'rcu_nocbs=3'],
        ...['isolcpus=managedirq,domain,2-3', 'irqaffinity=0-1', 'nowatchdog'],
      ],
    )
  })

  test('a list too short, a misspelt, an unknown and a duplicate argument are each named', () => {
    const run = reportOf(parts, 'boot')
    expect(said(run, 'nohz-full-effective')).toMatch(/CPU 2 keeps the tick: booted with nohz_full=3/)
    expect(said(run, 'cmdline-misread')).toMatch(/nohz_ful=2: has no effect: .*is nohz_full= meant\?/)
    expect(said(run, 'cmdline-misread')).toMatch(/"managedirq" is no flag, and is skipped/)
    expect(said(run, 'cmdline-duplicates')).toMatch(/rcu_nocbs: given 2 times: the last wins/)
    expect(said(run, 'cmdline-kernel-warnings')).toMatch(/isolcpus: Skipped unknown flag/)
    expect(said(run, 'tick-stopped-under-load')).toMatch(/tick: not stopped: the CPU is not in nohz_full/)
  })

  test('that nothing rules the watchdog of the clock source out is named', () => {
    const run = reportOf(parts, 'boot')
    expect(amiss(run)).toMatchObject({'clocksource-watchdog-off': 'warn'})
    expect(said(run, 'clocksource-watchdog-off')).toMatch(/nothing rules the clock source watchdog out/)
  })

  test('lint says the same of them beforehand, and what the kernel did is what it foretold', () => {
    const lint: LintReport = LintSchema.parse(JSON.parse(parts['lint']?.output ?? ''))
    const run = reportOf(parts, 'boot')
    const findings = (report: {checks: Report['checks']}, id: string) =>
      report.checks.find((check) => check.id === id)?.findings
    for (const id of ['cmdline-misread', 'cmdline-duplicates', 'nohz-full-effective'])
      expect(findings(lint, id)).toEqual(findings(run, id))
    expect(lint.effective).toMatchObject({domain: '2-3', nohzFull: '3', rcuNocbs: '3', irqDefault: '0-1'})
  })
})
