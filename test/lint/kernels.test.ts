// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {isolationWords} from '../../src/boot/arguments.ts'
import {isolationOf} from '../../src/boot/isolation.ts'
import {KERNEL_RULES, rulesOf} from '../../src/boot/kernel-rules.ts'
import {parseKernel} from '../../src/facts/kernel.ts'
import {lintBoot} from '../../src/lint/lint.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {lintReport} from '../../src/report/lint.ts'
import type {LintReport} from '../../src/schema/lint.ts'

async function lint(text: string, {kernel = '6.12', cpus = 8, isolated = ''} = {}): Promise<LintReport> {
  const boot = {
    text,
    cpus,
    kernel: parseKernel(kernel),
    ...(isolated ? {isolated: CpuSet.parse(isolated)} : {}),
  }
  return lintReport(boot, await lintBoot(boot))
}

const findings = ({checks}: LintReport, id: string) =>
  (checks.find((check) => check.id === id)?.findings ?? []).map(
    ({severity, subject, message}) => `${severity} ${subject}: ${message}`,
  )
const RHEL8 = '4.18.0-553.el8_10.x86_64'

/** The effect of one command line on kernels of several versions. */
describe('kernels differ:', () => {
  test.for<[text: string, effects: Readonly<Record<string, Partial<LintReport['effective']>>>]>([
    [
      'isolcpus=domain,managed_irq,2-7',
      {
        '4.19': {domain: '', managedIrq: ''},
        '5.4': {domain: ''},
        [RHEL8]: {domain: '2-7', managedIrq: '2-7'},
        '5.10': {domain: '2-7', managedIrq: '2-7'},
      },
    ],
    [
      'isolcpus=managedirq,2-7',
      {
        '5.4': {domain: ''},
        [RHEL8]: {domain: ''},
        '5.7': {domain: ''},
        '5.8': {domain: '2-7'},
        '6.12': {domain: '2-7'},
      },
    ],
    ['nohz_full=2-N', {'5.10': {nohzFull: ''}, '5.13': {nohzFull: '2-7'}, '7.3': {nohzFull: '2-7'}}],
    [
      'nohz_full=7 rcu_nocbs=2-N',
      {'4.19': {rcuNocbs: '7'}, '5.10': {rcuNocbs: '0-7'}, '5.15': {rcuNocbs: '2-7'}},
    ],
    [
      'isolcpus=2-3 nohz_full=2-5',
      {
        '5.15': {domain: '2-3', nohzFull: ''},
        [RHEL8]: {nohzFull: ''},
        '5.18': {domain: '2-3', nohzFull: '2-5'},
        '6.1': {nohzFull: '2-5'},
      },
    ],
    [
      'isolcpus=nohz,domain,2-7',
      {'6.12': {nohzFull: '2-7', unbound: ''}, '6.14': {unbound: '2-7'}, '7.3': {unbound: '2-7'}},
    ],
    ['isolcpus=1-7 nohz_full=0', {'5.15': {unbound: ''}, '6.12': {unbound: '0'}, '7.3': {unbound: ''}}],
    ['nohz_full=2-3 isolcpus="2 3"', {'4.19': {domain: ''}, '5.4': {domain: '2-3'}}],
  ])('%s', async ([text, effects]) => {
    for (const [kernel, effective] of Object.entries(effects)) {
      const report = await lint(text, {kernel, isolated: '2-7'})
      expect({kernel, ...report.effective}).toMatchObject({kernel, ...effective})
    }
  })

  test('the reason names the version that knows it', async () => {
    const report = await lint('isolcpus=domain,managed_irq,2-7 nohz_full=2-N', {
      kernel: '5.4',
      isolated: '2-7',
    })
    expect(findings(report, 'cmdline-misread')).toEqual([
      expect.stringContaining('a kernel before 5.6 does not know managed_irq, and drops all of isolcpus='),
      expect.stringContaining('"2-N" is not a CPU list for a kernel before 5.13'),
    ])
  })

  test('isolctl asks no kernel for a flag that it does not know', () => {
    const asked = {isolated: CpuSet.parse('2-7'), housekeeping: CpuSet.parse('0-1')}
    for (const release of ['4.19.0', '5.4.0', RHEL8, '5.10.0', '5.15.0', '6.1.0', '6.12.0', '7.3.0'])
      for (const isolation of ['static', 'dynamic'] as const) {
        const kernel = parseKernel(release)
        const effect = isolationOf(isolationWords({...asked, isolation, kernel}).join(' '), {
          count: 8,
          kernel,
        })
        const managed = rulesOf(kernel).managedIrqFlag ? '2-7' : ''
        expect([
          release,
          `${effect.domain}`,
          `${effect.nohzFull}`,
          `${effect.managedIrq}`,
          effect.refused,
        ]).toEqual([release, isolation === 'static' ? '2-7' : '', '2-7', managed, []])
      }
  })

  test('each rule has a version and a reference', () => {
    for (const {since, reference} of Object.values(KERNEL_RULES)) {
      expect(since).toHaveLength(2)
      expect(reference).toMatch(/^(?:kernel|lib)\//)
    }
  })
})

describe('isolation that another argument takes back:', () => {
  const GOOD = 'isolcpus=nohz,domain,managed_irq,2-7 nohz_full=2-7 rcu_nocbs=2-7 irqaffinity=0-1'
  test.for<[text: string, says: RegExp]>([
    ['nr_cpus=4', /no CPU 4-7/],
    ['nr_cpus=0x4', /no CPU 4-7/],
    ['possible_cpus=4', /no CPU 4-7/],
    ['maxcpus=2', /no CPU 2-7/],
    ['maxcpus=0', /no CPU 2-7/],
    ['nosmp', /no CPU 2-7/],
    ['nolapic', /no CPU 2-7/],
    ['nohz=off', /every CPU keeps its tick/],
    ['nohz=0', /every CPU keeps its tick/],
    ['tsc=unstable', /counts as unstable/],
    ['notsc', /counts as unstable/],
    ['notsc=1', /counts as unstable/],
  ])('%s', async ([word, says]) => {
    for (const text of [`${GOOD} ${word}`, `${word} ${GOOD}`]) {
      const report = await lint(text, {isolated: '2-7'})
      expect(report.ok).toBe(false)
      expect(findings(report, 'cmdline-undoes-isolation').join()).toMatch(says)
    }
  })
  test.for([
    'nr_cpus=8',
    'maxcpus=8',
    'nohz=on',
    'nohz=off nohz=on',
    'tsc=reliable',
    'highres=off',
    'noapic',
  ])('%s does not', async (word) => {
    expect(await lint(`${GOOD} ${word}`)).toMatchObject({ok: true, summary: {fail: 0}})
  })
  test.for([
    'nosmt',
    'nosmt=force',
    'smt-enabled=off',
    'smt=1',
    'mitigations=auto,nosmt',
    'mitigations=auto,nosmt;no_user_kernel',
    'l1tf=full',
    'l1tf=flush,nosmt',
    'mds=full,nosmt',
    'tsx_async_abort=full,nosmt',
    'mmio_stale_data=full,nosmt',
    'retbleed=auto,nosmt',
    'retbleed=nosmt',
    'acpi=off',
    'acpi=off acpi=strict',
    'disable_cpu_apicid=4',
  ])('%s may: without the machine, it is a warning', async (word) => {
    const report = await lint(`${GOOD} ${word}`)
    expect(report).toMatchObject({ok: true, summary: {fail: 0, warn: 1}})
    expect(findings(report, 'cmdline-undoes-isolation').join()).toContain('depends on the machine')
  })
  test.for(['nox2apic', 'nointremap', 'intremap=off'])('%s may on a large machine', async (word) => {
    const large = 'isolcpus=2-511 nohz_full=2-511 irqaffinity=0-1'
    expect(findings(await lint(`${large} ${word}`, {cpus: 512}), 'cmdline-undoes-isolation')).toHaveLength(1)
    expect(findings(await lint(`${GOOD} ${word}`), 'cmdline-undoes-isolation')).toEqual([])
  })
  test.for([
    'mitigations=auto,nosmt mitigations=off',
    'acpi=off acpi=force',
    'l1tf=full l1tf=flush',
    'acpi=rsdt',
    'smt=2',
  ])('%s does not', async (words) => {
    expect(findings(await lint(`${GOOD} ${words}`), 'cmdline-undoes-isolation')).toEqual([])
  })
  test('the report shows no CPU whose tick may stop', async () => {
    expect((await lint(`${GOOD} nohz=off`)).effective).toMatchObject({nohzFull: '', unbound: '2-7'})
  })
})

describe('wrong before:', () => {
  test.for<[text: string, says: RegExp, effective: Partial<LintReport['effective']>]>([
    ['nohz_full=3 irqaffinity', /irqaffinity: .*it has no list/, {irqDefault: '0-7'}],
    ['rcu_nocbs=2-3 rcu_nocbs= isolcpus=3', /takes back an earlier rcu_nocbs=2-3/, {rcuNocbs: ''}],
    ['rcu_nocbs=2-3 rcu_nocbs isolcpus=3', /takes back an earlier rcu_nocbs=2-3/, {rcuNocbs: ''}],
    ['isolcpus=2,\u00a03', /3: .*looks like a part of isolcpus=2/, {domain: ''}],
    ['isolcpus=2, 3-4 nohz_full=2-4', /3-4: .*looks like a part of isolcpus=2,/, {domain: '2'}],
    ['isolcpus=2, 3', /3: .*looks like a part of isolcpus=2,/, {domain: '2'}],
    ['isolcpus=2 ,3', /,3: .*looks like a part of isolcpus=2/, {domain: '2'}],
    ['isolcpus= 2-3 nohz_full=2-3', /2-3: .*looks like a part of isolcpus=/, {domain: ''}],
    ['isolcpus =2-3 nohz_full=2-3', /isolcpus: .*it has no list/, {domain: ''}],
    ['isolcpus=managed_irq 2-3', /no comma follows its flag/, {domain: '2-3', managedIrq: ''}],
    ['isolcpus=2-3 timer_migration=0', /no boot argument but a sysctl: set kernel\.timer_migration/, {}],
    ['isolcpus=2-3 sched_rt_runtime=-1', /sysctl: set kernel\.sched_rt_runtime_us/, {}],
    ['isolcpus=2-3 kernel.sched_rt_runtime_us=-1', /sysctl: set kernel\.sched_rt_runtime_us/, {}],
    ['isolcpus=2-3 default_smp_affinity=3', /irqaffinity= is the argument/, {}],
  ])('%j', async ([text, says, effective]) => {
    const report = await lint(text)
    expect(findings(report, 'cmdline-misread').join('\n')).toMatch(says)
    expect(report.effective).toMatchObject(effective)
  })

  test('a run level after the arguments is no list', async () => {
    expect(findings(await lint('isolcpus=2-3 nohz_full=2-3 3'), 'cmdline-misread')).toEqual([])
    expect(findings(await lint('isolcpus=2-3 single splash'), 'cmdline-misread')).toEqual([])
  })

  test.for(['isolcpus=2,\u00a03', 'isolcpus=2\u20133', 'isolcpus=“2-3”'])(
    '%j is named as a stray character',
    async (text) => {
      expect(findings(await lint(text), 'cmdline-quoting').join()).toContain('not ASCII')
    },
  )

  test('two isolcpus= for different purposes are both taken since 5.18', async () => {
    const text = 'isolcpus=domain,2-3 isolcpus=managed_irq,2-5 nohz_full=2-3'
    const report = await lint(text)
    expect(report.effective).toMatchObject({domain: '2-3', managedIrq: '2-5'})
    expect(findings(report, 'cmdline-misread')).toEqual([])
    expect(findings(report, 'cmdline-duplicates')).toEqual([
      'warn isolcpus: given 2 times: the kernel takes all of them',
    ])
    expect(findings(await lint(text, {kernel: '5.15'}), 'cmdline-duplicates').join()).toContain(
      'fail isolcpus',
    )
  })

  test('isolcpus=managed_irq alone has its effect, and is judged', async () => {
    const report = await lint('isolcpus=managed_irq,1')
    expect(report).toMatchObject({isolated: '1', ok: false, effective: {managedIrq: '1', domain: ''}})
  })

  test('complementary lists with CPU 0 share no CPU', async () => {
    const intersect = async (kernel: string) =>
      findings(await lint('isolcpus=1-7 nohz_full=0', {kernel}), 'housekeeping-intersect')
    expect(await intersect('6.12')).toHaveLength(1)
    expect(await intersect('7.3')).toEqual([]) // the second one is dropped
  })
})

describe('no CPU isolated:', () => {
  test.for<[text: string, id: string, says: RegExp]>([
    ['isolcpu=2-7', 'cmdline-misread', /is isolcpus= meant/],
    ['isolcpus=""', 'cmdline-misread', /no CPU/],
    ["isolcpus=''", 'cmdline-quoting', /a quote/],
    ['isolcpus', 'cmdline-misread', /it has no list/],
  ])('%s is judged', async ([text, id, says]) => {
    const report = await lint(text)
    expect(report).toMatchObject({isolated: '', ok: false})
    expect(findings(report, id).join()).toMatch(says)
  })
})

describe('kernels of RHEL:', () => {
  const effect = (kernel: string, text: string) => isolationOf(text, {count: 8, kernel: parseKernel(kernel)})
  test.for<[kernel: string, nohzFull: string]>([
    ['5.14.0-70.13.1.el9_0.x86_64', ''],
    ['5.14.0-88.el9.x86_64', '2-5'],
    ['5.14.0-503.11.1.el9_5.x86_64', '2-5'],
    // Kernels of other versions, built for RHEL: they have none of its backports.
    ['5.15.0-200.131.27.el9uek.x86_64', ''],
    ['5.4.17-2136.el8uek.x86_64', ''],
    ['6.9.1-1.el9.elrepo.x86_64', '2-5'],
  ])('%s: lists that differ', ([kernel, nohzFull]) => {
    expect(`${effect(kernel, 'isolcpus=2-3 nohz_full=2-5').nohzFull}`).toBe(nohzFull)
  })
  test('rcu_nocbs without a list is known from build 79 of RHEL 9 on', () => {
    const read = (kernel: string) => effect(kernel, 'rcu_nocbs').refused.map(({reason}) => reason)
    expect(read('5.14.0-70.el9.x86_64')).toEqual(['it has no list'])
    expect(read('5.14.0-162.el9.x86_64')).toEqual([])
  })
  test('managed_irq is a flag in RHEL 8, and not in the 5.4 of Oracle', () => {
    const text = 'isolcpus=managed_irq,2-7'
    expect(`${effect(RHEL8, text).managedIrq}`).toBe('2-7')
    expect(`${effect('5.4.17-2136.el8uek.x86_64', text).managedIrq}`).toBe('')
  })
  test.for(['4.18.0-80.el8.x86_64', '4.18.0-147.8.1.el8_1.x86_64'])(
    '%s: whether it knows managed_irq is unknown, and no plan uses it',
    async (kernel) => {
      const {checks} = await lint('isolcpus=managed_irq,domain,2-7', {kernel, isolated: '2-7'})
      expect(checks.find(({id}) => id === 'cmdline-misread')).toMatchObject({status: 'unknown'})
      const asked = {isolated: CpuSet.parse('2-7'), housekeeping: CpuSet.parse('0-1')}
      const words = isolationWords({...asked, isolation: 'static', kernel: parseKernel(kernel)})
      expect(words.join(' ')).not.toContain('managed_irq')
    },
  )
  test.for(['5.14.0-503.el9.x86_64', '6.12.0-55.el10.x86_64'])(
    '%s: whether a rule was backported is unknown, and no check passes on it',
    async (kernel) => {
      const {checks} = await lint('isolcpus=nohz,domain,2-7 irqaffinity=0-1', {kernel})
      expect(checks.find(({id}) => id === 'isolcpus-nohz-trap')).toMatchObject({status: 'unknown'})
      const complementary = await lint('isolcpus=4-7 nohz_full=0-3', {kernel, isolated: '4-7'})
      expect(complementary.checks.find(({id}) => id === 'cmdline-misread')).toMatchObject({
        status: 'unknown',
        reason: expect.stringContaining(`which rules of later versions ${kernel} has`),
      })
      expect((await lint('isolcpus=2-7 nohz_full=2-7', {kernel})).checks[0]).toMatchObject({
        status: 'ok',
      })
    },
  )
})

describe('an argument that is none:', () => {
  test.for<[text: string, says: RegExp]>([
    ['isolcpus:2-7 nohz_full:2-7', /isolcpus:2-7: .*is isolcpus= meant/],
    [
      'GRUB_CMDLINE_LINUX="isolcpus=2-7 nohz_full=2-7"',
      /isolcpus= is a part of the value of GRUB_CMDLINE_LINUX=/,
    ],
    ['options=isolcpus=2-7', /isolcpus= is a part of the value of options=/],
    ['isolcpus=2-7 $tuned_params', /\$tuned_params: .*variable/],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is GRUB's.
    ['isolcpus=2-7 ${kernelopts}', /variable that the boot loader did not replace/],
    ['managed_irq=2-7', /a flag: isolcpus=managed_irq,LIST/],
    ['isolated_cpus=2-7', /is isolcpus= meant/],
    ['isolated_cores=2-7', /is isolcpus= meant/],
    ['isolate_cpus=2-7', /is isolcpus= meant/],
    ['nohz_full_cpus=2-7', /is nohz_full= meant/],
    ['default_irqaffinity=0-1 isolcpus=2', /is irqaffinity= meant/],
    ['rcutree.rcu_nocbs=2-7', /is rcu_nocbs= meant/],
    ['isolcpus=domain', /no comma and no list follow the flag domain/],
    ['isolcpus=domain,managed_irq', /no comma and no list follow the flag managed_irq/],
    ['isolcpus=2 sched_rr_timeslice_ms=1', /sysctl: set kernel.sched_rr_timeslice_ms/],
  ])('%s', async ([text, says]) => {
    expect(findings(await lint(text), 'cmdline-misread').join('\n')).toMatch(says)
  })
  test.for(['tuned.non_isolcpus=0003', 'rcutree.nohz_full_patience_delay=1000', '-- nohz_full=3'])(
    '%s is not reported',
    async (more) => {
      expect(findings(await lint(`isolcpus=2-3 ${more}`), 'cmdline-misread')).toEqual([])
    },
  )
  test.for(['clocksource=jiffies', 'clocksource=refined-jiffies'])('%s keeps the tick', async (word) => {
    const report = await lint(`isolcpus=2-3 nohz_full=2-3 irqaffinity=0-1 ${word}`)
    expect(findings(report, 'cmdline-undoes-isolation').join()).toMatch(/counts ticks/)
    expect(report.effective.nohzFull).toBe('')
  })
  test('another clock source does not', async () => {
    const report = await lint('isolcpus=2-3 nohz_full=2-3 clocksource=jiffies clocksource=hpet')
    expect(findings(report, 'cmdline-undoes-isolation')).toEqual([])
  })
})

test.for(['3.10.0-1160.el7.x86_64', '4.4.0-210-generic', '4.14.336'])(
  'the rules of Linux %s are not known: nothing passes',
  async (kernel) => {
    const {checks} = await lint('isolcpus=domain,2-7 nohz_full=2-7', {kernel})
    expect(checks.find(({id}) => id === 'cmdline-misread')).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('from Linux 4.18 on'),
    })
  },
)
