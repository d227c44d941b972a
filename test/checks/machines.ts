// SPDX-License-Identifier: MIT

import {type Get, type Given, gatherer} from '../../src/facts/fact.ts'
import {HostError, type HostView} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import type {Probe} from '../../src/measure/watch.ts'
import type {Settings} from '../../src/model/settings.ts'
import {
  CMDLINE,
  changed,
  cpusetFiles,
  fakeLive,
  givens,
  interruptsText,
  PF_KTHREAD,
  PF_NO_SETAFFINITY,
  schedDebugText,
  taskFiles,
  timerListText,
} from '../support/machine.ts'

/** A machine, as its differences from the good one. */
export interface Case {
  /** Files to replace. Undefined removes all files below a path. */
  readonly change?: Readonly<Record<string, string | undefined>>
  /** Files that change during the window. */
  readonly during?: Readonly<Record<string, string>>
  readonly over?: Partial<Settings>
  readonly how?: Partial<Probe>
  /** A live machine, which can be measured. */
  readonly live?: true
  readonly links?: Readonly<Record<string, string>>
  readonly refuse?: Readonly<Record<number, string>>
  readonly maxGapNs?: number
  /** Permission bits of every file. */
  readonly mode?: number
  readonly says?: RegExp
}

export interface Outcomes {
  readonly ok?: Case
  readonly bad: Case
  readonly unknown: Case
}

const CPU = '/sys/devices/system/cpu'
const MEASURED: Case = {live: true}
const PASSIVE: Case = {live: true, how: {spin: false}}
const log = (...lines: string[]) => ({'/var/log/dmesg': ['Linux version 6.12.117', ...lines, ''].join('\n')})
const cmdline = (text: string) => ({'/proc/cmdline': `${text}\n`})
const gone = (...paths: string[]) => Object.fromEntries(paths.map((path) => [path, undefined]))
const NO_TASKS = gone('/proc/1/', '/proc/2/', '/proc/20/', '/proc/21/', '/proc/30/', '/proc/40/')
const NO_LOG: Case = {change: gone('/var/log/dmesg')}
const NO_CMDLINE: Case = {change: gone('/proc/cmdline')}
const NO_IRQS: Case = {change: gone('/proc/irq')}
const GARBAGE = '\u0000\ufffd\u0001,;-\n'
const COUNTS = {24: [5, 6, 0, 0], LOC: [900, 800, 30, 30], RES: [1, 2, 3, 4], CAL: [9, 9, 9, 9]}
const counted = (rows: Readonly<Record<string, readonly number[]>>) => ({
  '/proc/interrupts': interruptsText({...COUNTS, ...rows}),
})
const switched = (to: number, running = 1) => ({
  '/sys/kernel/debug/sched/debug': schedDebugText({
    2: {running: 1, switches: 28},
    3: {running, switches: to},
  }),
})
const NO_WITNESS: Case = {
  live: true,
  how: {spin: false},
  change: gone('/sys/kernel/debug/sched/debug'),
}
/** The files of GRUB on Debian. */
const grub = (args: string) => ({
  '/boot/grub/grub.cfg': `### BEGIN /etc/grub.d/10_linux ###\nmenuentry 'Debian' --id debian {\n  linux /vmlinuz ${args.replace(/^BOOT_IMAGE=\S+ /, '')}\n}\n### END /etc/grub.d/10_linux ###\n`,
  '/etc/default/grub': 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
  '/usr/sbin/grub-mkconfig': '. /etc/default/grub.d\n',
  '/usr/bin/grub-script-check': '',
})
const KWORKER = taskFiles({
  tid: 77,
  comm: 'kworker/3:1',
  flags: PF_KTHREAD | PF_NO_SETAFFINITY | 0x20,
  cpu: 3,
  allowed: '3',
  switches: 1,
})
const POLLER = taskFiles({tid: 95, comm: 'poller', cpu: 3, allowed: '3'})
const resctrl = (isolated: string, housekeeping: string) => ({
  '/sys/fs/resctrl/schemata': `    L3:0=${housekeeping}\n`,
  '/sys/fs/resctrl/cpus_list': '0-1\n',
  '/sys/fs/resctrl/quiet/schemata': `    L3:0=${isolated}\n`,
  '/sys/fs/resctrl/quiet/cpus_list': '2-3\n',
})
const throttled = (times: number) =>
  Object.fromEntries(
    [0, 2, 3].map((cpu) => [`${CPU}/cpu${cpu}/thermal_throttle/core_throttle_count`, `${times}\n`]),
  )
const limits = (memlock: string) => ({
  '/proc/self/limits': `Max locked memory         ${memlock}            unlimited            bytes\nMax realtime priority     0                    0\n`,
  '/proc/self/status': 'CapEff:\t0000000000000000\n',
})
/** The journal of apply, which moved irq 24 there. */
const moved = (to: string) => ({
  '/var/lib/isolctl/journal.jsonl': [
    {
      op: 'begin',
      schema: 'isolctl.journal/1',
      at: AT,
      run: 'r1',
      command: 'apply',
      bootId: '11111111-2222-3333-4444-555555555555',
      pid: 1,
      isolctl: '0.1.0',
    },
    {
      op: 'intent',
      at: AT,
      seq: 1,
      step: 'irq-affinity',
      change: {kind: 'set', path: '/proc/irq/24/smp_affinity_list', from: '0-3', to, format: 'cpulist'},
    },
    {op: 'done', at: AT, seq: 1},
    {op: 'end', at: AT, outcome: 'complete'},
  ]
    .map((entry) => `${JSON.stringify(entry)}\n`)
    .join(''),
})
const AT = '2026-11-22T11:00:00.000Z'
const PARTITION = cpusetFiles('rt', '2-3', {partition: 'isolated'})
const CONFLICT = 'isolated invalid (partition config conflicts with housekeeping setup)'

/**
 * For every check: a machine where it passes (default: the good one), one where it does not, and
 * one where it is unknown.
 */
export const OUTCOMES: Readonly<Record<string, Outcomes>> = {
  'virt-guest': {
    bad: {change: {'/proc/cpuinfo': 'flags\t: fpu hypervisor\n'}},
    unknown: {change: gone('/proc/cpuinfo')},
  },
  'kernel-config-nohz-full': {
    bad: {change: {'/proc/config.gz': 'CONFIG_CPUSETS=y\n'}, says: /NO_HZ_FULL is off/},
    unknown: {change: gone('/proc/config.gz', '/boot')},
  },
  'kernel-running-is-installed': {
    bad: {change: {'/proc/sys/kernel/osrelease': '6.12.90-amd64\n'}, says: /6\.12\.117-isol1/},
    unknown: {change: gone('/boot')},
  },
  'kernel-task-isolation-abi': {
    bad: {change: {[`${CPU}/task_isolation`]: '2\n'}, says: /CPU 3/},
    unknown: {change: gone(`${CPU}/task_isolation`, `${CPU}/isolated`)},
  },
  'kernel-lockdown-debugfs': {
    bad: {
      change: {'/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n'},
      says: /locked down/,
    },
    unknown: {change: gone('/proc/mounts')},
  },
  'clocksource-tsc': {
    bad: {change: {'/sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet\n'}},
    unknown: {change: gone('/sys/devices/system/clocksource')},
  },
  'clocksource-watchdog-off': {bad: {change: cmdline('quiet')}, unknown: NO_CMDLINE},
  'cmdline-unknown-params': {
    bad: {
      change: log('Unknown kernel command line parameters "nohz_full=2-9", will be passed to user space.'),
    },
    unknown: NO_LOG,
  },
  'cmdline-kernel-warnings': {
    bad: {change: log('isolcpus: Skipped unknown flag managedirq')},
    unknown: NO_LOG,
  },
  'cmdline-duplicates': {bad: {change: cmdline(`${CMDLINE} nohz_full=3`)}, unknown: NO_CMDLINE},
  'cmdline-quoting': {bad: {change: cmdline("isolcpus='2-3'")}, unknown: NO_CMDLINE},
  'cmdline-undoes-isolation': {
    bad: {change: cmdline(`${CMDLINE} nohz=off`), says: /every CPU keeps its tick/},
    unknown: NO_CMDLINE,
  },
  'cmdline-misread': {
    bad: {change: cmdline('nohz_full=3-2'), says: /not read as it is written/},
    unknown: NO_CMDLINE,
  },
  'cmdline-pending-reboot': {
    ok: {change: grub(CMDLINE)},
    bad: {change: grub('quiet'), says: /a reboot will change/},
    unknown: NO_CMDLINE,
  },
  'cmdline-owner-markers': {
    ok: {change: {...grub(CMDLINE), '/etc/default/grub': 'GRUB_CMDLINE_LINUX="quiet"\n'}},
    bad: {
      change: {
        ...grub(CMDLINE),
        '/etc/default/grub': '# isolcpus=9\nGRUB_CMDLINE_LINUX="quiet nohz_full=2-3"\n',
      },
      says: /\/etc\/default\/grub.*sets nohz_full as well/,
    },
    unknown: {change: {...grub(CMDLINE), '/usr/sbin/grub-mkconfig': undefined}},
  },
  'boot-cpu-not-isolated': {
    bad: {change: {[`${CPU}/nohz_full`]: '0-3\n'}},
    unknown: {change: {[`${CPU}/nohz_full`]: GARBAGE}},
  },
  'housekeeping-intersect': {
    bad: {change: {[`${CPU}/isolated`]: '0-1\n'}, says: /none of 0-3/},
    unknown: {change: gone(`${CPU}/possible`)},
  },
  'isolcpus-nohz-trap': {
    bad: {change: cmdline('isolcpus=nohz,domain,2-3'), says: /boot with nohz_full=2-3/},
    unknown: NO_CMDLINE,
  },
  'isolcpus-effective': {
    bad: {change: {[`${CPU}/isolated`]: '2\n'}, says: /"cpus":"3"/},
    unknown: {change: gone(`${CPU}/isolated`)},
  },
  'nohz-full-effective': {
    bad: {change: {[`${CPU}/nohz_full`]: '(null)\n'}},
    unknown: {change: gone(`${CPU}/nohz_full`)},
  },
  'rcu-nocbs-effective': {
    bad: {
      // nohz_full implies it, so that the list of a machine with nohz_full=2-3 has both.
      change: {
        ...log('rcu: \tOffload RCU callbacks from CPUs: 2.'),
        [`${CPU}/nohz_full`]: '2\n',
      },
      says: /CPU 3 are not offloaded/,
    },
    unknown: {change: {...gone('/var/log/dmesg'), ...NO_TASKS}},
  },
  'irqaffinity-effective': {bad: {change: {'/proc/irq/default_smp_affinity': 'f\n'}}, unknown: NO_IRQS},
  'cpus-exist-online': {
    bad: {change: {[`${CPU}/online`]: '0-2\n'}, says: /CPU 3 is offline.*cpu3\/online/},
    unknown: {change: gone(`${CPU}/present`)},
  },
  'housekeeping-minimum': {
    bad: {
      change: {
        '/sys/devices/system/node/node0/cpulist': '0-1\n',
        '/sys/devices/system/node/node1/cpulist': '2-3\n',
      },
      says: /node 1/,
    },
    unknown: {change: gone('/sys/devices/system/node')},
  },
  'smt-sibling': {
    bad: {change: {[`${CPU}/cpu3/topology/core_cpus_list`]: '1,3\n'}},
    unknown: {change: gone(`${CPU}/cpu3/topology`)},
  },
  'irq-affinity-requested': {bad: {change: {'/proc/irq/24/smp_affinity_list': '0-3\n'}}, unknown: NO_IRQS},
  'irq-affinity-effective': {
    bad: {change: {'/proc/irq/24/smp_affinity_list': '0-3\n', '/proc/irq/24/effective_affinity_list': '3\n'}},
    unknown: {
      change: {'/proc/irq/24/smp_affinity_list': '0-3\n', '/proc/irq/24/effective_affinity_list': undefined},
    },
  },
  'irq-unmovable-classified': {
    bad: {
      live: true,
      change: {
        '/proc/irq/24/smp_affinity_list': '0-3\n',
        '/sys/kernel/irq/24/actions': 'mystery\n',
      },
      mode: 0o444,
      says: /the reason is not known/,
    },
    unknown: NO_IRQS,
  },
  'irq-managed-queues': {
    bad: {
      change: {
        '/proc/irq/24/smp_affinity_list': '3\n',
        '/sys/kernel/debug/irq/irqs/24': 'dstate:\n            IRQD_AFFINITY_MANAGED\n',
      },
      says: /CPU 3 alone/,
    },
    unknown: {change: {'/proc/irq/24/smp_affinity_list': '3\n'}},
  },
  'irqbalance-state': {
    bad: {
      change: {
        ...taskFiles({tid: 90, comm: 'irqbalance', allowed: '0-1'}),
        '/etc/default/irqbalance': '#IRQBALANCE_BANNED_CPULIST=2-3\nIRQBALANCE_BANNED_CPULIST="2"\n',
      },
      says: /uses CPU 3, according to/,
    },
    unknown: {change: taskFiles({tid: 90, comm: 'irqbalance', allowed: '0-1'})},
  },
  'wq-unbound-cpumask': {
    bad: {change: {'/sys/devices/virtual/workqueue/cpumask': 'f\n'}},
    unknown: {change: gone('/sys/devices/virtual/workqueue')},
  },
  'wq-sysfs-cpumasks': {
    bad: {change: {'/sys/devices/virtual/workqueue/cpumask': 'f\n'}, says: /writeback/},
    unknown: {change: gone('/sys/devices/virtual/workqueue')},
  },
  'fair-server': {
    bad: {change: {'/sys/kernel/debug/sched/fair_server/cpu3/runtime': '50000000\n'}},
    unknown: {change: gone('/sys/kernel/debug')},
  },
  'rt-throttle': {
    ok: {
      change: {
        ...gone('/sys/kernel/debug'),
        '/proc/sys/kernel/osrelease': '6.1.0-56\n',
        '/proc/sys/kernel/sched_rt_runtime_us': '-1\n',
      },
      over: {policy: {kind: 'fifo', priority: 1}},
    },
    bad: {
      change: {...gone('/sys/kernel/debug'), '/proc/sys/kernel/osrelease': '6.1.0-56\n'},
      over: {policy: {kind: 'fifo', priority: 1}},
    },
    unknown: {change: gone('/proc/sys/kernel/osrelease')},
  },
  'softlockup-mask': {
    bad: {change: {'/proc/sys/kernel/watchdog_cpumask': '0-3\n'}},
    unknown: {change: {'/proc/sys/kernel/watchdog_cpumask': GARBAGE}},
  },
  'mce-poll': {
    ok: {change: {'/sys/devices/system/machinecheck/machinecheck0/check_interval': '0\n'}},
    bad: {change: {'/sys/devices/system/machinecheck/machinecheck0/check_interval': '300\n'}},
    unknown: {},
  },
  vmstat: {
    bad: {change: {'/proc/sys/kernel/osrelease': '6.1.0-56\n'}, says: /every 1 s/},
    unknown: {change: gone('/proc/sys/vm/stat_interval')},
  },
  'timer-migration': {
    bad: {change: {'/proc/sys/kernel/timer_migration': '0\n'}, says: /stay on the CPU that armed them/},
    unknown: {change: gone('/proc/sys/kernel')},
  },
  'memory-daemons': {
    bad: {change: {'/sys/kernel/mm/transparent_hugepage/enabled': '[always] madvise never\n'}},
    unknown: {change: gone('/proc/swaps')},
  },
  'tracing-off': {
    bad: {
      change: {
        '/sys/kernel/tracing/set_event': 'sched:sched_switch\n',
        '/sys/kernel/tracing/events/enable': 'X\n',
      },
      says: /1 events? (is|are) on/,
    },
    unknown: {change: gone('/sys/kernel/tracing')},
  },
  'perf-events': {
    ok: PASSIVE,
    bad: {
      ...PASSIVE,
      change: {'/proc/1/fd/3': ''},
      links: {'/proc/1/fd/3': 'anon_inode:[perf_event]'},
      says: /systemd \[1\]/,
    },
    unknown: {...PASSIVE, change: {'/proc/1/fd/3': ''}, links: {'/proc/1/fd/3': 'EACCES'}},
  },
  'kthread-unbound-affinity': {
    bad: {change: taskFiles({tid: 50, comm: 'kswapd0', flags: PF_KTHREAD, allowed: '0-3'}), says: /kswapd0/},
    unknown: {change: NO_TASKS},
  },
  'kthread-percpu-legit': {
    bad: {
      change: taskFiles({tid: 51, comm: 'z_wr_iss/3', flags: PF_KTHREAD | PF_NO_SETAFFINITY, allowed: '3'}),
      says: /z_wr_iss/,
    },
    unknown: {change: NO_TASKS},
  },
  'pid1-affinity': {
    bad: {change: taskFiles({tid: 1, comm: 'systemd', allowed: '0-3'})},
    unknown: {change: gone('/proc/1/')},
  },
  'systemd-slices': {
    bad: {change: cpusetFiles('user.slice', '0-3'), says: /user\.slice/},
    unknown: {change: gone('/sys/fs/cgroup')},
  },
  'partition-valid': {
    ok: {change: PARTITION},
    bad: {
      change: cpusetFiles('rt', '2-3', {partition: CONFLICT}),
      says: /it is not isolated: partition config/,
    },
    unknown: {change: gone('/sys/fs/cgroup')},
  },
  'partition-vs-isolcpus': {
    ok: {change: PARTITION},
    bad: {change: cpusetFiles('rt', '2-3', {partition: CONFLICT}), says: /does not take it beside/},
    unknown: {change: gone('/sys/fs/cgroup')},
  },
  'container-runtime-conflict': {
    bad: {
      change: {
        '/var/lib/kubelet/cpu_manager_state':
          '{"policyName":"static","defaultCpuSet":"0-1","entries":{"pod":{"app":"3"}}}',
      },
      says: /the kubelet assigns CPU 3/,
    },
    unknown: {change: {'/var/lib/kubelet/cpu_manager_state': '{"policyName":'}},
  },
  'competing-tuners': {
    bad: {change: taskFiles({tid: 91, comm: 'tuned', allowed: '0-1'})},
    unknown: {change: NO_TASKS},
  },
  'stray-tasks-allowed': {
    bad: {change: taskFiles({tid: 60, comm: 'redis', allowed: '2'})},
    unknown: {change: NO_TASKS},
  },
  'cstate-limit': {
    bad: {
      change: {
        [`${CPU}/cpu3/power/pm_qos_resume_latency_us`]: '0\n',
      },
      says: /CPU 3 may enter C6, and needs 170 us/,
    },
    unknown: {change: gone(`${CPU}/cpu3/cpuidle`)},
  },
  'pm-qos-resume': {
    bad: {change: {[`${CPU}/cpu3/power/pm_qos_resume_latency_us`]: '0\n'}, says: /0, which is no limit/},
    unknown: {change: gone(`${CPU}/cpu3/power`)},
  },
  'cpufreq-policy': {
    bad: {change: {[`${CPU}/cpufreq/policy3/scaling_governor`]: 'schedutil\n'}, says: /frequency of CPU 3/},
    unknown: {change: gone(`${CPU}/cpufreq/policy3`)},
  },
  'idle-poll-conflict': {bad: {change: cmdline(`${CMDLINE} idle=poll`)}, unknown: NO_CMDLINE},
  'rps-xps': {
    bad: {change: {'/sys/class/net/lan0/queues/rx-0/rps_cpus': '0000000c\n'}, says: /includes CPU 2-3/},
    unknown: {change: gone('/sys/class/net')},
  },
  'dpdk-binding': {
    ok: {over: {devices: ['0000:03:00.0']}},
    bad: {over: {devices: ['0000:00:19.0']}, says: /carries the default route/},
    unknown: {over: {devices: ['0000:03:00.0']}, change: gone('/sys/bus/pci')},
  },
  hugepages: {
    ok: {over: {hugepages: new Map([[2048, 512]])}},
    bad: {over: {hugepages: new Map([[2048, 513]])}, says: /"expected":"513","actual":"512"/},
    unknown: {over: {hugepages: new Map([[2048, 1]])}, change: gone('/sys/devices/system/node')},
  },
  'post-launch-csw': {
    ok: {...PASSIVE, change: taskFiles({tid: 95, comm: 'poller', cpu: 3, allowed: '3'})},
    bad: {
      ...PASSIVE,
      change: taskFiles({tid: 95, comm: 'poller', cpu: 3, allowed: '3'}),
      during: {
        '/proc/95/task/95/status':
          'Name:\tpoller\nCpus_allowed_list:\t3\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t4\n',
      },
      says: /0 times in 10 s","actual":"4 times/,
    },
    unknown: {...PASSIVE, change: NO_TASKS},
  },
  'tick-stopped-under-load': {
    ok: MEASURED,
    bad: {...MEASURED, during: counted({LOC: [999, 999, 30, 2530]}), says: /LOC 2500/},
    unknown: {...MEASURED, refuse: {2: 'isol-spin: cannot run on CPU 2: Invalid argument'}},
  },
  'irq-count-delta': {
    ok: MEASURED,
    bad: {...MEASURED, during: counted({24: [5, 6, 0, 4]}), says: /irq 24 \(nvme0q1\)/},
    unknown: {...MEASURED, change: {'/proc/interrupts': GARBAGE}},
  },
  'ipi-delta': {
    ok: MEASURED,
    bad: {...MEASURED, during: counted({CAL: [9, 9, 9, 40]}), says: /CAL 31 on CPU 3/},
    unknown: {...MEASURED, change: {'/proc/interrupts': ''}},
  },
  'nmi-pmi-delta': {
    ok: MEASURED,
    bad: {...MEASURED, during: counted({NMI: [0, 0, 0, 2], PMI: [0, 0, 0, 2]}), says: /NMI 2/},
    unknown: {...MEASURED, change: gone('/proc/interrupts')},
  },
  'stray-tasks-present': {
    ok: MEASURED,
    bad: {
      ...MEASURED,
      during: {...switched(32), ...taskFiles({tid: 60, comm: 'redis', cpu: 3, allowed: '3', switches: 2})},
      says: /redis \[60\]/,
    },
    unknown: NO_WITNESS,
  },
  'kthread-percpu-quiet': {
    ok: MEASURED,
    bad: {...MEASURED, during: {...switched(32), ...KWORKER}, says: /kworker\/3:1 \[77\].*ran on CPU 3/},
    unknown: NO_WITNESS,
  },
  'rq-nr-switches': {
    ok: MEASURED,
    bad: {...MEASURED, during: switched(32), says: /gone before they could be named.*"actual":"2"/},
    unknown: NO_WITNESS,
  },
  'rq-nr-running': {
    ok: MEASURED,
    bad: {...MEASURED, during: switched(30, 2), says: /2 tasks are runnable on CPU 3/},
    unknown: {...MEASURED, change: gone('/sys/kernel/debug/sched/debug')},
  },
  'hrtimers-on-core': {
    bad: {
      change: {'/proc/timer_list': timerListText({2: ['tick_nohz_handler'], 3: ['watchdog_timer_fn']})},
      says: /soft lockup detector/,
    },
    unknown: {change: gone('/proc/timer_list')},
  },
  'kernel-known-regressions': {
    bad: {change: {'/proc/sys/kernel/osrelease': '6.12.78-rt15\n'}, says: /eventpoll/},
    unknown: {change: gone('/proc/sys/kernel/osrelease')},
  },
  'kernel-tracers': {
    ok: {change: {'/sys/kernel/tracing/available_tracers': 'timerlat osnoise function nop\n'}},
    bad: {change: {'/sys/kernel/tracing/available_tracers': 'function nop\n'}, says: /osnoise/},
    unknown: {},
  },
  'fwupd-timers': {
    ok: {change: {'/etc/systemd/system/timers.target.wants/fstrim.timer': ''}},
    bad: {
      change: {'/etc/systemd/system/timers.target.wants/fwupd-refresh.timer': ''},
      says: /systemctl disable/,
    },
    unknown: {},
  },
  'cmdline-length': {bad: {change: cmdline('x'.repeat(1900))}, unknown: NO_CMDLINE},
  'dead-boot-args': {
    bad: {change: cmdline(`${CMDLINE} rcu_nocbs=2-3`), says: /nohz_full= implies it/},
    unknown: NO_CMDLINE,
  },
  'mitigations-policy': {
    ok: {change: {[`${CPU}/vulnerabilities/spectre_v2`]: 'Mitigation: Retpolines\n'}},
    bad: {change: {[`${CPU}/vulnerabilities/mds`]: 'Vulnerable; SMT vulnerable\n'}, says: /open: mds/},
    unknown: {},
  },
  'numa-nic-local': {
    ok: {
      over: {devices: ['0000:03:00.0']},
      change: {'/sys/bus/pci/devices/0000:03:00.0/numa_node': '0\n'},
    },
    bad: {
      over: {devices: ['0000:03:00.0']},
      change: {
        '/sys/bus/pci/devices/0000:03:00.0/numa_node': '1\n',
        '/sys/devices/system/node/node1/cpulist': '4-7\n',
      },
      says: /is on node 1/,
    },
    unknown: {
      over: {devices: ['0000:03:00.0']},
      change: {
        '/sys/bus/pci/devices/0000:03:00.0/numa_node': '-1\n',
        '/sys/devices/system/node/node1/cpulist': '4-7\n',
      },
    },
  },
  'cache-resctrl': {
    ok: {change: resctrl('f0', 'f')},
    bad: {change: resctrl('ff', 'f'), says: /CPU 2-3 shares its cache/},
    unknown: {},
  },
  'core-type': {
    ok: {change: {'/sys/devices/cpu_core/cpus': '2-3\n', '/sys/devices/cpu_atom/cpus': '0-1\n'}},
    bad: {
      change: {'/sys/devices/cpu_core/cpus': '0-2\n', '/sys/devices/cpu_atom/cpus': '3\n'},
      says: /cpu_core 2, cpu_atom 3/,
    },
    unknown: {},
  },
  'hotplug-stable': {
    bad: {change: log('smpboot: CPU 1 is now offline'), says: /last CPU 1/},
    unknown: NO_LOG,
  },
  'irq-threads': {
    bad: {
      change: taskFiles({tid: 52, comm: 'irq/24-nvme', flags: PF_KTHREAD, allowed: '3'}),
      says: /irq\/24/,
    },
    unknown: {change: NO_TASKS},
  },
  'irq-regression-drift': {
    ok: {change: moved('0-1')},
    bad: {change: moved('0'), says: /was changed since apply.*"expected":"0","actual":"0-1"/},
    unknown: {change: gone('/proc/sys/kernel/random/boot_id')},
  },
  'residual-remote-tick': {
    bad: {change: {'/sys/devices/virtual/workqueue/cpumask': 'c\n'}},
    unknown: {change: gone('/sys/devices/virtual/workqueue')},
  },
  'rcu-threads-moved': {
    bad: {change: taskFiles({tid: 21, comm: 'rcuop/3', flags: PF_KTHREAD, allowed: '0-3'}), says: /rcuop\/3/},
    unknown: {change: NO_TASKS},
  },
  'monitoring-agents': {
    bad: {change: taskFiles({tid: 92, comm: 'netdata', allowed: '3'}), says: /netdata/},
    unknown: {change: NO_TASKS},
  },
  'thermal-throttle': {
    ok: {change: throttled(0)},
    bad: {change: throttled(7), says: /"7 times"/},
    unknown: {},
  },
  'nic-queues': {
    bad: {
      change: Object.fromEntries(
        [1, 2, 3].map((queue) => [`/sys/class/net/lan0/queues/rx-${queue}/rps_cpus`, '0\n']),
      ),
      says: /"expected":"at most 2","actual":"4"/,
    },
    unknown: {change: gone('/sys/class/net')},
  },
  'launch-limits': {
    ok: {change: limits('unlimited')},
    bad: {change: limits('65536'), says: /65536 bytes/},
    unknown: {},
  },
  'posix-cpu-timers': {
    ok: {change: {...POLLER, '/proc/95/timers': ''}},
    bad: {
      change: {...POLLER, '/proc/95/timers': 'ID: 0\nsignal: 14/0\nClockID: -6\n'},
      says: /poller \[95\]/,
    },
    unknown: {change: POLLER},
  },
  'spinner-gap-max': {
    ok: MEASURED,
    bad: {...MEASURED, maxGapNs: 20_000, says: /20\.0 us/},
    unknown: {...MEASURED, change: gone('/proc/cpuinfo')},
  },
}

/** The machine of a case, and a reader of its facts. */
export function machineOf({change = {}, over, how, live, links = {}, mode, ...running}: Case): {
  readonly host: HostView
  readonly known: readonly Given[]
  readonly get: Get
} {
  const files = changed(change)
  const host = live
    ? {
        ...fakeLive(files, running).host,
        link: async (path: string) => {
          if (links[path] === 'EACCES') throw new HostError('EACCES', path)
          return links[path]
        },
        ...(mode === undefined ? {} : {mode: async () => mode}),
      }
    : memoryHost(files)
  const known = givens(over, how)
  return {host, known, get: gatherer(host, known)}
}
