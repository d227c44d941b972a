// SPDX-License-Identifier: MIT
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {CHECKS} from '../../src/checks/registry.ts'
import {runChecks} from '../../src/checks/run.ts'
import {DEFAULT_CONFIG} from '../../src/config/load.ts'
import {resolveSettings} from '../../src/config/settings.ts'
import {gatherer, given} from '../../src/facts/fact.ts'
import {settings} from '../../src/facts/settings.ts'
import {captured} from '../../src/host/captured.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {probe} from '../../src/measure/watch.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import type {Remedy} from '../../src/model/finding.ts'
import {interruptsText, PF_KTHREAD, PF_NO_SETAFFINITY, schedDebugText, taskFiles} from '../support/machine.ts'
import {type Case, machineOf, OUTCOMES} from './machines.ts'
import {type Patient, useless} from './useless.ts'

/** The remedies of a report that are useless on its machine. */
async function uselessIn(patient: Patient): Promise<readonly string[]> {
  const found: string[] = []
  for await (const result of runChecks(CHECKS, patient.get, {clock: () => 0})) {
    if (!('findings' in result)) continue
    const remedies = [...result.findings.map(({remedy}) => remedy), result.remedy]
    for (const remedy of remedies) {
      const why = remedy && (await useless(remedy, patient))
      if (why !== undefined) found.push(`${result.check.id}: ${remedy?.text}: ${why}`)
    }
  }
  return [...new Set(found)]
}

const CPU = '/sys/devices/system/cpu'
const set = (text: string) => CpuSet.parse(text)
const ARGUMENTS = (line: string) => ({'/proc/cmdline': `root=/dev/sda1 ${line}\n`})
const NOT_ISOLATED = {[`${CPU}/isolated`]: '\n', [`${CPU}/nohz_full`]: '\n'}
const FIFO = {policy: {kind: 'fifo', priority: 1}} as const
const UNTUNED = {
  '/proc/irq/24/smp_affinity_list': '0-3\n',
  '/proc/irq/24/effective_affinity_list': '3\n',
  '/proc/irq/default_smp_affinity': 'f\n',
}
const COUNTS = {24: [5, 6, 0, 0], LOC: [900, 800, 30, 30], RES: [1, 2, 3, 4], CAL: [9, 9, 9, 9]}
const counted = (rows: Readonly<Record<string, readonly number[]>>) => ({
  '/proc/interrupts': interruptsText({...COUNTS, ...rows}),
})
const ran = (comm: string, flags = 0) => ({
  '/sys/kernel/debug/sched/debug': schedDebugText({
    2: {running: 1, switches: 28},
    3: {running: 1, switches: 32},
  }),
  ...taskFiles({tid: 77, comm, flags, cpu: 3, allowed: '0-3', switches: 1}),
})

/** Machines on which many remedies would be useless. */
const MACHINES: Readonly<Record<string, Case>> = {
  'not isolated': {live: true, change: {...NOT_ISOLATED, ...ARGUMENTS(''), ...UNTUNED}},
  'not isolated, with the arguments there': {change: NOT_ISOLATED},
  'not isolated, and the kernel cannot': {
    change: {...NOT_ISOLATED, ...ARGUMENTS(''), '/proc/config.gz': 'CONFIG_CPUSETS=y\n'},
  },
  'not isolated, and the boot loader will': {change: {...NOT_ISOLATED, ...ARGUMENTS('')}},
  'not isolated, and CPU 0 is asked for': {
    change: {...NOT_ISOLATED, ...ARGUMENTS(''), ...UNTUNED},
    over: {isolated: set('0-1'), housekeeping: set('2-3')},
  },
  'isolcpus without a list': {
    change: {...ARGUMENTS('isolcpus=nohz'), '/proc/sys/kernel/osrelease': '6.1.0\n'},
  },
  'isolated by a partition, not yet there': {
    change: {...NOT_ISOLATED, '/sys/fs/cgroup/cgroup.subtree_control': 'cpuset\n'},
    over: {boot: {isolation: 'dynamic', extra: []}},
  },
  'an interrupt that cannot be moved': {live: true, change: UNTUNED, mode: 0o444},
  'an interrupt of the card of the operator': {
    change: {...UNTUNED, '/sys/kernel/irq/24/actions': 'lan0-rx-0\n'},
  },
  'swap, and nothing else': {
    change: {'/proc/swaps': 'Filename Type\n/dev/sda2 partition 1 0 -1\n'},
  },
  'a sibling of CPU 0': {change: {[`${CPU}/cpu2/topology/core_cpus_list`]: '0,2\n'}},
  'two isolated siblings': {
    change: Object.fromEntries([2, 3].map((cpu) => [`${CPU}/cpu${cpu}/topology/core_cpus_list`, '2-3\n'])),
  },
  'a sibling that can go': {change: {[`${CPU}/cpu2/topology/core_cpus_list`]: '1,2\n'}},
  'the threads of RCU and of an interrupt': {
    change: {
      ...taskFiles({tid: 50, comm: 'rcu_preempt', flags: PF_KTHREAD, allowed: '0-3'}),
      ...taskFiles({tid: 51, comm: 'irq/24-nvme', flags: PF_KTHREAD, allowed: '0-3'}),
      ...UNTUNED,
    },
  },
  'RT throttling': {
    live: true,
    over: FIFO,
    change: {'/sys/kernel/debug/sched/fair_server': undefined, '/proc/sys/kernel/osrelease': '6.1.0\n'},
    during: counted({LOC: [999, 999, 30, 40], RES: [1, 2, 3, 14]}),
  },
  'the fair server': {
    live: true,
    change: {'/sys/kernel/debug/sched/fair_server/cpu3/runtime': '50000000\n'},
    during: counted({LOC: [999, 999, 30, 40], RES: [1, 2, 3, 14], CAL: [9, 9, 9, 19]}),
  },
  'the soft lockup detector': {
    live: true,
    change: {'/proc/sys/kernel/watchdog_cpumask': '0-3\n'},
    during: counted({LOC: [999, 999, 30, 33], RES: [1, 2, 3, 7]}),
  },
  'the hard lockup detector': {
    live: true,
    change: {'/proc/sys/kernel/nmi_watchdog': '1\n', '/proc/sys/kernel/watchdog_cpumask': '0-3\n'},
    during: counted({NMI: [0, 0, 0, 4], PMI: [0, 0, 0, 4]}),
  },
  'polls for machine checks': {
    live: true,
    change: {'/sys/devices/system/machinecheck/machinecheck0/check_interval': '1\n'},
    during: counted({MCP: [0, 0, 0, 10], LOC: [999, 999, 30, 40]}),
  },
  'an unstable clock, with tsc=reliable': {
    live: true,
    change: {'/sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet\n'},
    during: counted({LOC: [999, 999, 30, 2530]}),
  },
  'a device interrupt': {live: true, change: UNTUNED, during: counted({24: [5, 6, 0, 4]})},
  'a device interrupt that was moved': {live: true, during: counted({24: [5, 6, 0, 4]})},
  'a program that ran': {live: true, during: ran('redis')},
  'a kernel thread that ran': {
    live: true,
    change: taskFiles({tid: 77, comm: 'kswapd0', flags: PF_KTHREAD, cpu: 3, allowed: '0-3'}),
    during: ran('kswapd0', PF_KTHREAD),
  },
  'a worker that ran': {live: true, during: ran('kworker/3:1', PF_KTHREAD | PF_NO_SETAFFINITY | 0x20)},
}

describe('no remedy is useless on the machine of a failed check', () => {
  test.for(Object.entries(OUTCOMES))('%s', async ([, {bad}]) => {
    expect(await uselessIn(machineOf(bad))).toEqual([])
  })
})

describe('no remedy is useless on a machine with', () => {
  test.for(Object.entries(MACHINES))('%s', async ([, machine]) => {
    expect(await uselessIn(machineOf(machine))).toEqual([])
  })
})

/** Captures of the lab machine: one quiet, and one with each injected disturbance. */
const HOSTS = join(packageRoot, 'test/hosts/lab')

describe('no remedy is useless on a captured machine', async () => {
  test.for((await readdir(HOSTS)).toSorted())('%s', async (archive) => {
    const host = captured(join(HOSTS, archive))
    const asked = await resolveSettings(host, {config: DEFAULT_CONFIG})
    const known = [given(settings, asked), given(probe, {spin: false, isolate: false})]
    expect(await uselessIn({host, known, get: gatherer(host, known)})).toEqual([])
  })
})

/** One of each kind of useless remedy; on the good machine, if no other is given. */
test.for<readonly [Remedy, RegExp, Case?]>([
  [{text: 'boot with nohz_full=2-3'}, /there already/],
  [{text: 'boot with isolcpus=managed_irq,domain,2-3'}, /there already/],
  [{text: 'boot with tsc=reliable'}, /there already/],
  [{text: 'leave idle=poll out'}, /is not there/],
  [{text: 'boot with nohz_full='}, /no value/],
  [{text: 'boot with isolcpus=managed_irq,domain,'}, /empty list/],
  [{text: 'move it', command: 'taskset -cp  77'}, /empty list/],
  [{text: 'boot with nohz_full=0-3'}, /CPU 0/],
  [{text: 'take it offline', command: 'echo 0 > /sys/devices/system/cpu/cpu0/online'}, /CPU 0/],
  [{text: 'boot a kernel with CONFIG_NO_HZ_FULL'}, /has CONFIG_NO_HZ_FULL/],
  [
    {text: 'boot with nohz_full=3'},
    /needs CONFIG_NO_HZ_FULL/,
    {change: {'/proc/config.gz': 'CONFIG_CPUSETS=y\n'}},
  ],
  [
    {text: 'keep it off', command: 'sysctl -w kernel.watchdog_cpumask=0-1'},
    /a step of apply does this/,
    {change: {'/proc/sys/kernel/watchdog_cpumask': '0-3\n'}},
  ],
  [{text: 'keep it off', command: 'sysctl -w kernel.soft_watchdog=0'}, /a step of apply does this/],
  [{text: 'move it', step: 'irq-affinity'}, /would change nothing/],
  [{text: 'keep it off', step: 'irqbalance-ban'}, /would change nothing/],
  [{text: 'bound them', step: 'cpuset-partition'}, /would change nothing/],
  [{text: 'look', command: 'isolctl look'}, /no command/],
  [{text: 'look', command: 'isolctl preflight --deep'}, /has no --deep/],
  [{text: 'move it', command: 'isolctl apply --only irqs'}, /no step irqs/],
])('%j is useless', async ([remedy, why, machine = {}]) => {
  expect(await useless(remedy, machineOf(machine))).toMatch(why)
})
