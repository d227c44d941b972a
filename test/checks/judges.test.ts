// SPDX-License-Identifier: MIT

import {describe, expect, test} from 'vitest'
import {CHECKS} from '../../src/checks/registry.ts'
import {type Result, runChecks} from '../../src/checks/run.ts'
import {findCheck} from '../../src/checks/select.ts'
import {gatherer} from '../../src/facts/fact.ts'
import type {HostView} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import type {Probe} from '../../src/measure/watch.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import type {Settings} from '../../src/model/settings.ts'
import {
  BOOT_ENTRY,
  bootEntry,
  CMDLINE,
  changed,
  fakeLive,
  givens,
  goodFiles,
  interruptsText,
  PF_KTHREAD,
  PF_NO_SETAFFINITY,
  schedDebugText,
  taskFiles,
} from '../support/machine.ts'

type Change = Readonly<Record<string, string | undefined>>

async function judge(
  id: string,
  host: HostView,
  over: Partial<Settings> = {},
  how: Partial<Probe> = {},
): Promise<Result> {
  const run = runChecks([findCheck(CHECKS, id)], gatherer(host, givens(over, how)), {clock: () => 0})
  for await (const result of run) return result
  throw new Error('no result')
}

const text = (result: Result) =>
  JSON.stringify(result, (key, value: unknown) => (key === 'check' ? undefined : value))

const FIFO: Partial<Settings> = {policy: {kind: 'fifo', priority: 1}}
const CPU = '/sys/devices/system/cpu'
const cmdline = (more: string) => ({'/proc/cmdline': `${CMDLINE} ${more}\n`})
const log = (line: string) => ({'/var/log/dmesg': `Linux version 6.12.117\n[    0.000000] ${line}\n`})

type Row = readonly [
  id: string,
  what: string,
  change: Change,
  status: Result['status'],
  says?: RegExp,
  over?: Partial<Settings>,
  how?: Partial<Probe>,
]

const UNDOES = 'cmdline-undoes-isolation'

const ROWS: readonly Row[] = [
  [UNDOES, 'nosmt, and all are online', cmdline('nosmt'), 'ok'],
  [UNDOES, 'acpi=off, and all are online', cmdline('acpi=off'), 'ok'],
  [
    UNDOES,
    'nosmt, and a sibling is offline',
    {...cmdline('nosmt'), [`${CPU}/online`]: '0-2\n'},
    'fail',
    /CPU 3 is offline: only one hardware thread/,
  ],
  [
    UNDOES,
    'acpi=off, and the boot CPU only',
    {...cmdline('acpi=off'), [`${CPU}/online`]: '0\n'},
    'fail',
    /CPU 2-3 is offline: without the tables of ACPI/,
  ],
  [
    UNDOES,
    'nosmt, and it is not known which are online',
    {...cmdline('nosmt'), [`${CPU}/online`]: undefined},
    'warn',
    /depends on the machine/,
  ],
  ['virt-guest', 'a guest', {'/proc/cpuinfo': 'flags\t: fpu hypervisor\n'}, 'warn', /virtual machine/],
  ['virt-guest', 'Xen', {'/sys/hypervisor/type': 'xen\n'}, 'warn', /xen/],
  ['virt-guest', 'an architecture without flags', {'/proc/cpuinfo': 'Features\t: fp\n'}, 'unknown'],
  [
    'kernel-config-nohz-full',
    'off',
    {'/proc/config.gz': 'CONFIG_CPUSETS=y\n# CONFIG_NO_HZ_FULL is not set\n'},
    'fail',
    /NO_HZ_FULL is off/,
  ],
  [
    'kernel-config-nohz-full',
    'beside the kernel',
    {
      '/proc/config.gz': undefined,
      '/boot/config-6.12.117-isol1':
        'CONFIG_NO_HZ_FULL=y\nCONFIG_CPU_ISOLATION=y\nCONFIG_RCU_NOCB_CPU=y\nCONFIG_CPUSETS=y\n',
    },
    'ok',
    /boot/,
  ],
  [
    'kernel-config-nohz-full',
    'nowhere',
    {'/proc/config.gz': undefined, '/boot': undefined},
    'unknown',
    /boot\/config-6.12/,
  ],
  [
    'kernel-task-isolation-abi',
    'a stock kernel',
    {[`${CPU}/task_isolation`]: undefined},
    'warn',
    /does not have task isolation/,
  ],
  ['kernel-task-isolation-abi', 'a CPU it refuses', {[`${CPU}/task_isolation`]: '2\n'}, 'fail', /CPU 3/],
  [
    'clocksource-tsc',
    'hpet',
    {'/sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet\n'},
    'fail',
    /hpet/,
  ],
  [
    'clocksource-tsc',
    'arm64',
    {'/sys/devices/system/clocksource/clocksource0/current_clocksource': 'arch_sys_counter\n'},
    'ok',
  ],
  ['clocksource-tsc', 'no sysfs', {'/sys/devices/system/clocksource': undefined}, 'unknown'],
  ['clocksource-watchdog-off', 'nothing said', {'/proc/cmdline': 'quiet\n'}, 'warn'],
  [
    'cmdline-unknown-params',
    'a list out of range',
    log(
      'Unknown kernel command line parameters "BOOT_IMAGE=/vmlinuz nohz_full=2-9", will be passed to user space.',
    ),
    'fail',
    /refused nohz_full=2-9/,
  ],
  [
    'cmdline-unknown-params',
    'only foreign words',
    log('Unknown kernel command line parameters "BOOT_IMAGE=/vmlinuz foo=1", will be passed to user space.'),
    'ok',
  ],
  [
    'cmdline-unknown-params',
    'a kernel without lockup detectors, on trial',
    log('Unknown kernel command line parameters "nmi_watchdog=panic", will be passed to user space.'),
    'ok',
  ],
  [
    'cmdline-unknown-params',
    'a dead argument',
    log('Unknown kernel command line parameters "kthread_cpus=0-1", will be passed to user space.'),
    'warn',
    /has no effect/,
  ],
  [
    'cmdline-unknown-params',
    'a log that has wrapped',
    {'/var/log/dmesg': 'eth0: link up\n'},
    'unknown',
    /overwritten/,
  ],
  [
    'cmdline-kernel-warnings',
    'a misspelt flag',
    log('isolcpus: Skipped unknown flag managedirq'),
    'fail',
    /managedirq/,
  ],
  [
    'cmdline-kernel-warnings',
    'all CPUs offloaded',
    log('rcu: \trcu_nocbs= bad CPU range, all CPUs set'),
    'fail',
  ],
  ['cmdline-misread', 'a CPU that does not exist', cmdline('rcu_nocbs=2-9'), 'fail', /out of range/],
  ['cmdline-misread', 'a slip of the keyboard', cmdline('nohz_ful=3'), 'fail', /is nohz_full= meant/],
  [
    'cmdline-misread',
    'an argument of another kernel',
    cmdline('kthread_cpus=0'),
    'warn',
    /no mainline kernel/,
  ],
  ['cmdline-misread', 'too long', cmdline('x'.repeat(2000)), 'fail', /too long/],
  ['cmdline-misread', 'CPUs unknown', {[`${CPU}/possible`]: undefined}, 'unknown', /possible does not exist/],
  ['cmdline-duplicates', 'twice, differently', cmdline('nohz_full=3'), 'fail', /the first wins/],
  ['cmdline-duplicates', 'with a dash', cmdline('nohz-full=3'), 'fail'],
  ['cmdline-duplicates', 'twice the same', cmdline('nohz_full=2-3'), 'warn'],
  ['cmdline-duplicates', 'after --, where the kernel does not look', cmdline('-- nohz_full=3'), 'ok'],
  [
    'cmdline-pending-reboot',
    'something else is configured',
    {[BOOT_ENTRY]: bootEntry('quiet nohz_full=1')},
    'warn',
    /a reboot will change/,
  ],
  ['cmdline-pending-reboot', 'typed in once', {[BOOT_ENTRY]: bootEntry('quiet')}, 'warn'],
  [
    'cmdline-pending-reboot',
    'a loader we do not know',
    {[BOOT_ENTRY]: undefined, '/boot/extlinux/extlinux.conf': 'LABEL l0\n'},
    'skip',
  ],
  ['cmdline-pending-reboot', 'no loader was captured', {[BOOT_ENTRY]: undefined}, 'unknown', /captured/],
  ['cmdline-quoting', 'single quotes', {'/proc/cmdline': "isolcpus='2-3'\n"}, 'fail', /'2-3'/],
  ['boot-cpu-not-isolated', 'CPU 0 in nohz_full', {[`${CPU}/nohz_full`]: '0-3\n'}, 'fail'],
  [
    'isolcpus-effective',
    'not isolated',
    {[`${CPU}/isolated`]: '\n'},
    'fail',
    /takes part in load balancing, though booted/,
  ],
  ['isolcpus-effective', 'one missing', {[`${CPU}/isolated`]: '2\n'}, 'fail', /"cpus":"3"/],
  [
    'isolcpus-effective',
    'by a cpuset partition',
    {[`${CPU}/isolated`]: '\n', '/sys/fs/cgroup/cpuset.cpus.isolated': '2-3\n'},
    'ok',
  ],
  [
    'isolcpus-effective',
    'one CPU more than wanted',
    {[`${CPU}/isolated`]: '1-3\n'},
    'warn',
    /CPU 1 is isolated too/,
  ],
  [
    'nohz-full-effective',
    '(null)',
    {[`${CPU}/nohz_full`]: '(null)\n'},
    'fail',
    /the kernel refused nohz_full=2-3/,
  ],
  [
    'nohz-full-effective',
    'not booted with',
    {[`${CPU}/nohz_full`]: '\n', '/proc/cmdline': 'quiet\n'},
    'fail',
    /not among the boot arguments/,
  ],
  ['nohz-full-effective', 'too short', {[`${CPU}/nohz_full`]: '2\n'}, 'fail', /CPU 3 keeps the tick/],
  ['nohz-full-effective', 'a kernel without it', {[`${CPU}/nohz_full`]: undefined}, 'unknown'],
  ['irqaffinity-effective', 'open', {'/proc/irq/default_smp_affinity': 'f\n'}, 'fail', /CPU 2-3/],
  [
    'housekeeping-minimum',
    'one CPU',
    {},
    'warn',
    /CPU 0 is the only housekeeping CPU/,
    {housekeeping: CpuSet.of(0)},
  ],
  [
    'smt-sibling',
    'sibling of housekeeping',
    {[`${CPU}/cpu3/topology/core_cpus_list`]: '1,3\n'},
    'warn',
    /shares its core with housekeeping CPU 1/,
  ],
  [
    'smt-sibling',
    'siblings of each other, reported once',
    {[`${CPU}/cpu2/topology/core_cpus_list`]: '2-3\n', [`${CPU}/cpu3/topology/core_cpus_list`]: '2-3\n'},
    'warn',
    /CPU 2 and 3 are one core/,
  ],
  [
    'irq-affinity-requested',
    'allowed',
    {'/proc/irq/24/smp_affinity_list': '0-3\n'},
    'fail',
    /irq 24 \(nvme0q1\)/,
  ],
  [
    'irq-affinity-effective',
    'delivered',
    {'/proc/irq/24/smp_affinity_list': '0-3\n', '/proc/irq/24/effective_affinity_list': '3\n'},
    'fail',
    /delivered to CPU 3/,
  ],
  [
    'irq-affinity-effective',
    'a move that is pending',
    {'/proc/irq/24/effective_affinity_list': '3\n'},
    'warn',
    /waits for the next interrupt/,
  ],
  [
    'irq-affinity-effective',
    'managed: requested on all CPUs, delivered on housekeeping CPUs',
    {'/proc/irq/24/smp_affinity_list': '0-3\n'},
    'ok',
  ],
  [
    'irq-affinity-effective',
    'a kernel that does not report it',
    {'/proc/irq/24/smp_affinity_list': '0-3\n', '/proc/irq/24/effective_affinity_list': undefined},
    'unknown',
  ],
  ['irq-affinity-effective', 'no /proc/irq', {'/proc/irq': undefined}, 'unknown'],
  ['wq-unbound-cpumask', 'open', {'/sys/devices/virtual/workqueue/cpumask': 'f\n'}, 'fail', /"cpus":"2-3"/],
  [
    'fair-server',
    'on',
    {'/sys/kernel/debug/sched/fair_server/cpu3/runtime': '50000000\n'},
    'fail',
    /CPU 3 once a second/,
  ],
  [
    'fair-server',
    'on, under SCHED_FIFO',
    {'/sys/kernel/debug/sched/fair_server/cpu3/runtime': '50000000\n'},
    'skip',
    /FIFO/,
    FIFO,
  ],
  [
    'fair-server',
    'on, in task isolation',
    {'/sys/kernel/debug/sched/fair_server/cpu3/runtime': '50000000\n'},
    'skip',
    /parks/,
    {},
    {isolate: true},
  ],
  ['fair-server', 'debugfs not mounted', {'/sys/kernel/debug': undefined}, 'unknown', /debugfs/],
  [
    'fair-server',
    '6.1 without debugfs',
    {'/sys/kernel/debug': undefined, '/proc/sys/kernel/osrelease': '6.1.0-56\n'},
    'skip',
    /has no fair server/,
  ],
  [
    'rt-throttle',
    '6.1 under SCHED_FIFO',
    {'/sys/kernel/debug': undefined, '/proc/sys/kernel/osrelease': '6.1.0-56\n'},
    'fail',
    /throttles them/,
    FIFO,
  ],
  [
    'rt-throttle',
    '6.1 without limit',
    {
      '/sys/kernel/debug': undefined,
      '/proc/sys/kernel/osrelease': '6.1.0-56\n',
      '/proc/sys/kernel/sched_rt_runtime_us': '-1\n',
    },
    'ok',
    /no limit/,
    FIFO,
  ],
  ['rt-throttle', '6.12 under SCHED_FIFO', {}, 'skip', /fair server/, FIFO],
  [
    'softlockup-mask',
    'on an isolated CPU',
    {'/proc/sys/kernel/watchdog_cpumask': '0-3\n'},
    'fail',
    /soft lockup detector runs on CPU 2-3/,
  ],
  [
    'softlockup-mask',
    'off',
    {'/proc/sys/kernel/watchdog_cpumask': '0-3\n', '/proc/sys/kernel/soft_watchdog': '0\n'},
    'ok',
    /off/,
  ],
  [
    'softlockup-mask',
    'detectors without their mask',
    {'/proc/sys/kernel/watchdog_cpumask': undefined},
    'unknown',
    /watchdog_cpumask does not exist/,
  ],
  [
    'softlockup-mask',
    'no file of a detector was captured',
    {
      '/proc/sys/kernel/watchdog_cpumask': undefined,
      '/proc/sys/kernel/soft_watchdog': undefined,
      '/proc/sys/kernel/nmi_watchdog': undefined,
    },
    'unknown',
    /was not captured/,
  ],
  ['mce-poll', 'not captured', {}, 'unknown'],
  [
    'mce-poll',
    'every five minutes',
    {'/sys/devices/system/machinecheck/machinecheck0/check_interval': '300\n'},
    'warn',
    /300 s/,
  ],
  [
    'mce-poll',
    'ignored',
    {
      '/sys/devices/system/machinecheck/machinecheck0/check_interval': '300\n',
      '/sys/devices/system/machinecheck/machinecheck0/ignore_ce': '1\n',
    },
    'ok',
  ],
  ['tracing-off', 'a tracer', {'/sys/kernel/tracing/current_tracer': 'function\n'}, 'warn', /function/],
  [
    'tracing-off',
    'events in an instance',
    {
      '/sys/kernel/tracing/instances/x/set_event': 'a:b\na:c\n',
      '/sys/kernel/tracing/instances/x/current_tracer': 'nop\n',
    },
    'warn',
    /2 events/,
  ],
  ['tracing-off', 'not mounted', {'/sys/kernel/tracing': undefined}, 'unknown'],
  [
    'kthread-unbound-affinity',
    'an interrupt that can be moved',
    taskFiles({tid: 60, comm: 'kswapd0', flags: PF_KTHREAD, allowed: '0-3'}),
    'warn',
    /kswapd0 \[60\].*when memory is short/,
  ],
  [
    'kthread-unbound-affinity',
    'a kthread that cannot be moved',
    taskFiles({tid: 60, comm: 'kworker/R-rcu_g', flags: PF_KTHREAD | PF_NO_SETAFFINITY, allowed: '0-3'}),
    'ok',
  ],
  [
    'stray-tasks-allowed',
    'a program with an affinity of its own',
    taskFiles({tid: 60, comm: 'redis', allowed: '1,3'}),
    'warn',
    /redis \[60\]/,
  ],
  [
    'stray-tasks-allowed',
    'all CPUs, without load balancing',
    taskFiles({tid: 60, comm: 'redis', allowed: '0-3'}),
    'ok',
  ],
  [
    'stray-tasks-allowed',
    'all CPUs, with load balancing',
    {...taskFiles({tid: 60, comm: 'redis', allowed: '0-3'}), [`${CPU}/isolated`]: '\n'},
    'warn',
    /1 threads could run on CPU 2-3/,
  ],
  [
    'irqbalance-state',
    'started with other arguments than it would be now',
    {
      ...taskFiles({tid: 90, comm: 'irqbalance', allowed: '0-1'}),
      '/proc/90/environ': 'IRQBALANCE_BANNED_CPULIST=0\0',
      '/usr/lib/systemd/system/irqbalance.service': '[Service]\n',
    },
    'fail',
    /uses CPU 2-3 until it is restarted.*systemctl restart irqbalance\.service/,
  ],
  [
    'irqbalance-state',
    'a list, and nothing says whether this version takes one',
    {
      ...taskFiles({tid: 90, comm: 'irqbalance', allowed: '0-1'}),
      '/sys/devices/system/cpu/isolated': '\n',
      '/sys/devices/system/cpu/nohz_full': '(null)\n',
      '/proc/90/environ': 'IRQBALANCE_BANNED_CPULIST=2-3\0',
    },
    'unknown',
    /version of irqbalance is not known/,
  ],
  [
    'irqbalance-state',
    'a list, and a mask for the versions that take no list',
    {
      ...taskFiles({tid: 90, comm: 'irqbalance', allowed: '0-1'}),
      '/sys/devices/system/cpu/isolated': '\n',
      '/sys/devices/system/cpu/nohz_full': '(null)\n',
      '/proc/90/environ': 'IRQBALANCE_BANNED_CPUS=c\0IRQBALANCE_BANNED_CPULIST=2-3\0',
    },
    'ok',
  ],
  [
    'irqbalance-state',
    'a list, and a version that takes it',
    {
      ...taskFiles({tid: 90, comm: 'irqbalance', allowed: '0-1'}),
      '/sys/devices/system/cpu/isolated': '\n',
      '/sys/devices/system/cpu/nohz_full': '(null)\n',
      '/proc/90/environ': 'IRQBALANCE_BANNED_CPULIST=2-3\0',
      '/usr/share/doc/irqbalance/changelog.Debian.gz': 'irqbalance (1.9.2-1) unstable; urgency=medium\n',
    },
    'ok',
  ],
  ['tick-stopped-under-load', 'a captured machine', {}, 'skip', /captured/],
  ['irq-count-delta', 'a captured machine', {}, 'skip', /captured/],
]

describe('judges', () => {
  test.for(ROWS)('%s: %s', async ([id, , change, status, says, over, how]) => {
    const result = await judge(id, memoryHost(changed(change)), over, how)
    expect(`${result.status} ${text(result)}`).toMatch(new RegExp(`^${status} `))
    if (says) expect(text(result)).toMatch(says)
  })

  test.for(CHECKS)('$id: an empty machine is never a pass', async ({id}) => {
    const result = await judge(id, memoryHost({}))
    // These need only the settings.
    if (id === 'housekeeping-minimum') return
    expect(['unknown', 'skip']).toContain(result.status)
  })
})

describe('judges of a measurement', () => {
  const served = interruptsText({
    24: [5, 6, 0, 0],
    LOC: [999, 999, 40, 40],
    RES: [1, 2, 13, 14],
    CAL: [9, 9, 19, 19],
  })
  const on = {
    '/sys/kernel/debug/sched/fair_server/cpu2/runtime': '50000000\n',
    '/sys/kernel/debug/sched/fair_server/cpu3/runtime': '50000000\n',
  }
  const device = interruptsText({
    24: [5, 6, 0, 4],
    LOC: [999, 999, 30, 30],
    RES: [1, 2, 3, 4],
    CAL: [9, 9, 9, 9],
  })
  const tick = interruptsText({
    24: [5, 6, 0, 0],
    LOC: [999, 999, 2530, 2530],
    RES: [1, 2, 3, 4],
    CAL: [9, 9, 9, 9],
  })
  const tracer = interruptsText({
    24: [5, 6, 0, 0],
    LOC: [999, 999, 30, 30],
    RES: [1, 2, 3, 4],
    CAL: [9, 9, 9, 40],
  })
  const ran = {
    '/sys/kernel/debug/sched/debug': schedDebugText({
      2: {running: 1, switches: 28},
      3: {running: 1, switches: 32},
    }),
    ...taskFiles({
      tid: 77,
      comm: 'kworker/3:1',
      flags: PF_KTHREAD | PF_NO_SETAFFINITY | 0x20,
      cpu: 3,
      allowed: '3',
      switches: 1,
    }),
  }
  const PROOF = [
    'tick-stopped-under-load',
    'irq-count-delta',
    'ipi-delta',
    'nmi-pmi-delta',
    'stray-tasks-present',
    'kthread-percpu-quiet',
  ]

  test.for<[string, Change, Record<string, string>, string | undefined, RegExp]>([
    ['nothing happened', {}, {}, undefined, /0 interrupts on 2-3 in 10 s/],
    [
      'the fair server',
      on,
      {'/proc/interrupts': served},
      'tick-stopped-under-load',
      /"cpus":"2-3".*LOC 10, RES 10, CAL 10 on CPU 2/,
    ],
    [
      'no nohz_full',
      {[`${CPU}/nohz_full`]: '\n', '/proc/cmdline': 'isolcpus=domain,managed_irq,2-3\n'},
      {'/proc/interrupts': tick},
      'tick-stopped-under-load',
      /nohz_full=2-3/,
    ],
    [
      'a device interrupt',
      {},
      {'/proc/interrupts': device},
      'irq-count-delta',
      /irq 24 \(nvme0q1\).*"cpus":"3"/,
    ],
    ['a tracer', {}, {'/proc/interrupts': tracer}, 'ipi-delta', /CAL 31 on CPU 3/],
    ['a kworker ran', {}, ran, 'kthread-percpu-quiet', /kworker\/3:1 \[77\].*1 context switches/],
  ])('%s: only its check fails', async ([, change, during, red, says]) => {
    const {host} = fakeLive(changed(change), {during})
    const results: Result[] = []
    const checks = PROOF.map((id) => findCheck(CHECKS, id))
    for await (const result of runChecks(checks, gatherer(host, givens()), {clock: () => 0}))
      results.push(result)
    expect(results.filter(({status}) => status !== 'ok').map(({check}) => check.id)).toEqual(red ? [red] : [])
    expect(results.map(text).join('\n')).toMatch(says)
  })

  test('without a count of context switches, no disturbance is not a pass', async () => {
    const files = changed({'/sys/kernel/debug/sched/debug': undefined})
    const result = await judge('stray-tasks-present', fakeLive(files).host, {}, {spin: false})
    expect(result).toMatchObject({status: 'unknown'})
  })

  test('a spinner that cannot start makes the proof unknown', async () => {
    const {host} = fakeLive(goodFiles(), {refuse: {2: 'isol-spin: cannot run on CPU 2: Invalid argument'}})
    expect(await judge('tick-stopped-under-load', host)).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('cannot run on CPU 2'),
    })
  })

  test.for<[string, Result['status'], RegExp]>([
    ['state:\tisolated\ncause:\tnone\n', 'ok', /0 interrupts/],
    ['state:\tlost\ncause:\ttick\ndata:\t0x0\n', 'fail', /the kernel ended it on CPU 2: timer interrupt/],
    ['state:\toff\neagain:\tlru\n', 'fail', /never began on CPU 2: the kernel refused it for lru/],
  ])('with --isolate, the isolation record counts: %j', async ([record, status, says]) => {
    const {host} = fakeLive({...goodFiles(), '/proc/1002/task_isolation': record})
    const result = await judge('tick-stopped-under-load', host, {}, {isolate: true})
    expect(result.status).toBe(status)
    expect(text(result)).toMatch(says)
  })

  test('a delayed spinner is a warning on bare metal', async () => {
    expect(await judge('spinner-gap-max', fakeLive(goodFiles()).host)).toMatchObject({
      status: 'ok',
      evidence: 'at most 300 ns in 10 s',
    })
  })
})
