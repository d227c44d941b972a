// SPDX-License-Identifier: MIT
import {PF_KTHREAD, PF_NO_SETAFFINITY, taskFiles} from './machine.ts'

const CPU = '/sys/devices/system/cpu'

/** Four CPUs, two cores with SMT, on Linux 6.1, without any isolation: every step has changes. */
export function untunedFiles(): Record<string, string> {
  return {
    [`${CPU}/online`]: '0-3\n',
    [`${CPU}/possible`]: '0-3\n',
    [`${CPU}/present`]: '0-3\n',
    [`${CPU}/isolated`]: '\n',
    [`${CPU}/nohz_full`]: '(null)\n',
    ...Object.fromEntries(
      [0, 1, 2, 3].flatMap((cpu) => [
        [`${CPU}/cpu${cpu}/topology/core_cpus_list`, `${cpu % 2},${(cpu % 2) + 2}\n`],
        [`${CPU}/cpu${cpu}/online`, '1\n'],
        [`${CPU}/cpu${cpu}/power/pm_qos_resume_latency_us`, '0\n'],
        [`${CPU}/cpu${cpu}/cpuidle/state0/name`, 'POLL\n'],
        [`${CPU}/cpu${cpu}/cpuidle/state0/latency`, '0\n'],
        [`${CPU}/cpu${cpu}/cpuidle/state0/disable`, '0\n'],
        [`${CPU}/cpu${cpu}/cpuidle/state1/name`, 'C6\n'],
        [`${CPU}/cpu${cpu}/cpuidle/state1/latency`, '133\n'],
        [`${CPU}/cpu${cpu}/cpuidle/state1/disable`, '0\n'],
        [`${CPU}/cpufreq/policy${cpu}/scaling_governor`, 'powersave\n'],
        [`${CPU}/cpufreq/policy${cpu}/scaling_available_governors`, 'performance powersave\n'],
        [`${CPU}/cpufreq/policy${cpu}/affected_cpus`, `${cpu}\n`],
      ]),
    ),
    '/etc/default/irqbalance': '#IRQBALANCE_ARGS=\nIRQBALANCE_BANNED_CPULIST="1"\n',
    '/usr/lib/systemd/system/irqbalance.service': '[Service]\nEnvironmentFile=-/etc/default/irqbalance\n',
    '/run/systemd/system/.keep': '',
    '/proc/irq/default_smp_affinity': 'f\n',
    '/proc/irq/24/smp_affinity_list': '0-3\n',
    '/proc/irq/24/effective_affinity_list': '1\n',
    '/sys/kernel/irq/24/actions': 'nvme0q1\n',
    '/proc/irq/25/smp_affinity_list': '3\n',
    '/proc/irq/25/effective_affinity_list': '3\n',
    '/sys/kernel/irq/25/actions': 'eth0-rx-0\n',
    '/sys/class/net/eth0/device/msi_irqs/25': 'msix\n',
    '/sys/class/net/eth0/queues/rx-0/rps_cpus': 'f\n',
    '/sys/class/net/eth0/queues/tx-0/xps_cpus': '0\n',
    '/sys/class/net/eth1/queues/rx-0/rps_cpus': 'c\n',
    '/sys/class/net/eth1/queues/tx-0/xps_cpus': '4\n',
    '/proc/net/route': ROUTES,
    '/sys/devices/virtual/workqueue/cpumask': 'f\n',
    '/sys/devices/virtual/workqueue/writeback/cpumask': 'f\n',
    '/sys/devices/virtual/workqueue/writeback/nice': '0\n',
    '/sys/devices/system/machinecheck/machinecheck0/check_interval': '300\n',
    '/sys/devices/system/machinecheck/machinecheck0/ignore_ce': '0\n',
    '/sys/kernel/mm/transparent_hugepage/enabled': '[always] madvise never\n',
    '/sys/kernel/mm/ksm/run': '1\n',
    '/sys/kernel/debug/sched/debug': 'Sched Debug Version: v0.11\n',
    '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
    '/sys/fs/cgroup/cgroup.subtree_control': 'cpu memory pids\n',
    '/sys/fs/cgroup/user.slice/cgroup.procs': '\n',
    '/proc/sys/kernel/osrelease': '6.1.0-28-amd64\n',
    '/proc/sys/kernel/random/boot_id': 'boot\n',
    '/proc/sys/kernel/sched_rt_runtime_us': '950000\n',
    '/proc/sys/kernel/soft_watchdog': '1\n',
    '/proc/sys/kernel/nmi_watchdog': '1\n',
    '/proc/sys/kernel/watchdog_cpumask': '0-3\n',
    '/proc/sys/kernel/timer_migration': '0\n',
    '/proc/sys/kernel/numa_balancing': '1\n',
    '/proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n',
    '/proc/sys/vm/stat_interval': '1\n',
    '/proc/sys/vm/compaction_proactiveness': '20\n',
    '/proc/sys/vm/compact_unevictable_allowed': '1\n',
    ...taskFiles({tid: 1, comm: 'systemd', allowed: '0-3'}),
    ...taskFiles({tid: 2, comm: 'kthreadd', flags: PF_KTHREAD, allowed: '0-3'}),
    ...taskFiles({tid: 17, comm: 'rcu_preempt', flags: PF_KTHREAD, allowed: '0-3'}),
    ...taskFiles({tid: 30, comm: 'migration/3', flags: PF_KTHREAD | PF_NO_SETAFFINITY, allowed: '3'}),
    ...taskFiles({tid: 40, comm: 'kswapd0', flags: PF_KTHREAD, allowed: '3'}),
    ...taskFiles({tid: 41, comm: 'irq/25-eth0', flags: PF_KTHREAD, allowed: '3'}),
    ...taskFiles({tid: 600, comm: 'irqbalance', allowed: '0-3'}),
  }
}

const ROUTES = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0102000A	0003	0	0	0	00000000	0	0	0
eth0	0002000A	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	0001A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`
