// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {parseKernel} from '../../src/facts/kernel.ts'
import {lintBoot} from '../../src/lint/lint.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {lintReport} from '../../src/report/lint.ts'
import {type LintReport, LintSchema} from '../../src/schema/lint.ts'

async function lint(text: string, {kernel = '6.12', cpus = 4, isolated = ''} = {}): Promise<LintReport> {
  const boot = {
    text,
    cpus,
    kernel: parseKernel(kernel),
    ...(isolated ? {isolated: CpuSet.parse(isolated)} : {}),
  }
  return LintSchema.parse(JSON.parse(JSON.stringify(lintReport(boot, await lintBoot(boot)))))
}

const failed = ({checks}: LintReport) => checks.filter(({status}) => status === 'fail').map(({id}) => id)
const misread = ({checks}: LintReport) =>
  (checks.find(({id}) => id === 'cmdline-misread')?.findings ?? []).map(
    ({subject, message}) => `${subject}: ${message}`,
  )

const GOOD = 'ro quiet isolcpus=nohz,domain,managed_irq,2-3 nohz_full=2-3 rcu_nocbs=2-3 irqaffinity=0-1'

test('the recommended arguments have the intended effect', async () => {
  const report = await lint(GOOD)
  expect(report).toMatchObject({
    ok: true,
    isolated: '2-3',
    effective: {domain: '2-3', nohzFull: '2-3', managedIrq: '2-3', unbound: '2-3', irqDefault: '0-1'},
  })
  expect(report.summary).toMatchObject({fail: 0, warn: 0, unknown: 0, skip: 0})
})

/** Observed after a boot with 4 CPUs, of Linux 6.12 where no version is given. */
describe('measured', () => {
  test.for<[text: string, named: RegExp, effective: Partial<LintReport['effective']>, kernel?: string]>([
    ['nohz_full=2-9', /^nohz_full=2-9: .*out of range/, {nohzFull: '', unbound: '', rcuNocbs: ''}],
    ['isolcpus=all', /^isolcpus=all: .*no CPU follows/, {domain: ''}],
    ['isolcpus=domain,N', /^isolcpus=domain,N: /, {domain: ''}],
    ['isolcpus=domain,managed_irq:2-3', /^isolcpus=domain,managed_irq:2-3: /, {domain: '', managedIrq: ''}],
    ["isolcpus='2-3'", /^isolcpus='2-3': .*is not a CPU list/, {domain: ''}],
    ['nohz_full=3-2', /^nohz_full=3-2: .*backwards/, {nohzFull: ''}],
    ['isolcpus=managedirq,2-3', /"managedirq" is not a flag and is skipped/, {domain: '2-3', managedIrq: ''}],
    ['isolcpus=nohz,2 nohz_full=3', /^nohz_full=3: .*sets other CPUs/, {nohzFull: '2', unbound: ''}],
    ['nohz_full=2-3 nohz_full=3', /^nohz_full=3: .*sets other CPUs/, {nohzFull: '2-3'}],
    ['nohz_full=3 rcu_nocbs=2-9', /^rcu_nocbs=2-9: .*all CPUs are offloaded/, {rcuNocbs: '0-3'}],
    ['nohz_full=3 irqaffinity=0,9', /^irqaffinity=0,9: .*it becomes 0/, {irqDefault: '0'}],
    ['nohz_full=3 kthread_cpus=0', /^kthread_cpus=0: has no effect: no mainline kernel/, {nohzFull: '3'}],
    ['nohz_full=3 workqueue.unbound_cpus=0-2', /has no effect: known since Linux 6\.6/, {}, '6.1.0-28-amd64'],
    [
      'nohz_full=3 rcutree.nohz_full_patience_delay=1000',
      /has no effect: known since Linux 6\.11/,
      {},
      '6.1',
    ],
    ['isolcpus=3 nohz_ful=3', /^nohz_ful=3: .*is nohz_full= meant\?/, {nohzFull: ''}],
    ['isolcpus=3 no_hz_full=3', /is nohz_full= meant\?/, {nohzFull: ''}],
    ['nohz_full=3 isolcpu=3', /is isolcpus= meant\?/, {domain: ''}],
    ['nohz_full=3 irq_affinity=0', /is irqaffinity= meant\?/, {irqDefault: '0-3'}],
    ['nohz_full=3 rcu_nocb=3', /is rcu_nocbs= meant\?/, {}],
    ['isolcpus=3 nohz_full', /^nohz_full: /, {nohzFull: ''}],
    ['isolcpus=2-N nohz_full=-3', /^nohz_full=-3: /, {domain: '2-3', nohzFull: ''}],
  ])('%s', async ([text, named, effective, kernel]) => {
    const report = await lint(text, {isolated: '2-3', ...(kernel ? {kernel} : {})})
    expect(misread(report)).toEqual([expect.stringMatching(named)])
    expect(report.effective).toMatchObject(effective)
    const harmless = text.includes('kthread_cpus') || kernel !== undefined
    expect(failed(report).includes('cmdline-misread')).toBe(!harmless)
  })

  test.for<[text: string, effective: Partial<LintReport['effective']>]>([
    ['irqaffinity=2-3', {irqDefault: '0,2-3'}],
    ['isolcpus=2-N', {domain: '2-3'}],
    ['nohz_full=2,3,', {nohzFull: '2-3'}],
    ['nohz-full=2-3', {nohzFull: '2-3'}],
    ['nohz_full="2-3"', {nohzFull: '2-3'}],
    ['nohz_full=0-1', {nohzFull: '1', unbound: '0-1'}],
    ['nohz_full=all', {nohzFull: '1-3', unbound: '1-3'}],
    ['rcu_nocbs=2 rcu_nocbs=3', {rcuNocbs: '3'}],
    ['watchdog_thresh=5 nmi_watchdog=0 nohz=on mymodule.nohz_full=1 splash', {nohzFull: ''}],
    ['workqueue.unbound_cpus=0-1 rcutree.nohz_full_patience_delay=1000', {}],
    ['-- nohz_full=2-9 isolcpu=3', {nohzFull: '', domain: ''}],
  ])('%s has no finding', async ([text, effective]) => {
    const report = await lint(text, {isolated: '2-3'})
    expect(misread(report)).toEqual([])
    expect(report.effective).toMatchObject(effective)
  })
})

describe('the effect is judged by the checks of preflight', () => {
  test.for<[text: string, isolated: string, ids: readonly string[]]>([
    ['isolcpus=domain,2-3 irqaffinity=0-1', '', ['nohz-full-effective']],
    ['nohz_full=3 isolcpus=2-3 irqaffinity=0-1', '', ['nohz-full-effective']],
    ['nohz_full=2-3 irqaffinity=0-1', '', ['isolcpus-effective']],
    ['isolcpus=2-3 nohz_full=2-3', '', ['irqaffinity-effective']],
    [GOOD, '1-3', ['isolcpus-effective', 'nohz-full-effective', 'irqaffinity-effective']],
    [`${GOOD} isolcpus=1`, '', ['cmdline-misread', 'cmdline-duplicates']],
    [
      'isolcpus=0-1 nohz_full=0-1 irqaffinity=2-3',
      '',
      ['boot-cpu-not-isolated', 'nohz-full-effective', 'irqaffinity-effective'],
    ],
  ])('%s for "%s"', async ([text, isolated, ids]) => {
    expect(failed(await lint(text, {isolated}))).toEqual(ids)
  })

  test('the part beyond the length limit has no effect', async () => {
    const report = await lint(`isolcpus=2-3 ${'x'.repeat(2034)} nohz_full=2-3`)
    expect(report.effective).toMatchObject({domain: '2-3', nohzFull: ''})
    expect(misread(report).join()).toContain('too long')
    expect(misread(await lint(`${GOOD} ${'x'.repeat(1900)}`))).toEqual([])
  })
})

describe('refused:', () => {
  test('arguments that isolate no CPU, without --isolated', async () => {
    await expect(lint('quiet splash')).rejects.toThrow('these boot arguments isolate no CPU')
    expect(failed(await lint('quiet', {isolated: '3'}))).toEqual([
      'isolcpus-effective',
      'nohz-full-effective',
      'irqaffinity-effective',
    ])
  })
  test('CPUs that do not exist, or all CPUs', async () => {
    await expect(lint(GOOD, {isolated: '2-4'})).rejects.toThrow('CPU 4 does not exist')
    await expect(lint(GOOD, {isolated: '0-3'})).rejects.toThrow('leaves no housekeeping CPU')
  })
})
