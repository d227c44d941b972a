// SPDX-License-Identifier: MIT

import {type Given, gatherer, given} from '../../src/facts/fact.ts'
import {settings} from '../../src/facts/settings.ts'
import type {HostView, Live, TraceRequest} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {type Probe, probe} from '../../src/measure/watch.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import type {Settings} from '../../src/model/settings.ts'

type Files = Readonly<Record<string, string>>

/** Rows of /proc/interrupts on four CPUs. */
export const interruptsText = (
  rows: Readonly<Record<string, readonly number[]>>,
  labels: Files = {},
): string =>
  [
    '           CPU0       CPU1       CPU2       CPU3       ',
    ...Object.entries(rows).map(
      ([name, counts]) =>
        `${name.padStart(4)}: ${counts.map((count) => `${count}`.padStart(10)).join(' ')}   ${labels[name] ?? LABELS[name] ?? ''}`,
    ),
    ' ERR:          0',
    '',
  ].join('\n')

const LABELS: Files = {
  '24': 'PCI-MSIX-0000:00:05.0   1-edge      nvme0q1',
  LOC: 'Local timer interrupts',
  RES: 'Rescheduling interrupts',
  CAL: 'Function call interrupts',
  TLB: 'TLB shootdowns',
  IWI: 'IRQ work interrupts',
  NMI: 'Non-maskable interrupts',
  PMI: 'Performance monitoring interrupts',
  MCP: 'Machine check polls',
}

export interface TaskText {
  readonly tid: number
  readonly comm: string
  readonly flags?: number
  readonly cpu?: number
  readonly allowed?: string
  readonly switches?: number
  readonly time?: number
}

export function taskFiles({
  tid,
  comm,
  flags = 0,
  cpu = 0,
  allowed = '0-3',
  switches = 0,
  time = 0,
}: TaskText): Files {
  // Fields 3 to 39 of proc(5), counted from the state.
  const fields = Array.from({length: 37}, () => '0')
  fields[0] = 'S'
  fields[6] = `${flags}`
  fields[11] = `${time}`
  fields[36] = `${cpu}`
  const folder = `/proc/${tid}/task/${tid}`
  return {
    [`${folder}/stat`]: `${tid} (${comm}) ${fields.join(' ')} 0 0\n`,
    [`${folder}/status`]: `Name:\t${comm}\nCpus_allowed_list:\t${allowed}\nvoluntary_ctxt_switches:\t${switches}\nnonvoluntary_ctxt_switches:\t0\n`,
  }
}

export const PF_KTHREAD = 0x0020_0000
export const PF_NO_SETAFFINITY = 0x0400_0000

export const schedDebugText = (
  queues: Readonly<Record<number, {running: number; switches: number}>>,
): string =>
  `Sched Debug Version: v0.11, 6.12.117\n\n${Object.entries(queues)
    .map(
      ([cpu, {running, switches}]) =>
        `cpu#${cpu}, 2445.423 MHz\n  .nr_running                    : ${running}\n  .nr_switches                   : ${switches}\n  .curr->pid                     : 0\n\ncfs_rq[${cpu}]:/\n  .nr_running                    : 7\n`,
    )
    .join('\n')}`

/** /proc/timer_list with the functions armed on each CPU. */
export const timerListText = (functions: Readonly<Record<number, readonly string[]>>): string =>
  [
    'Timer List Version: v0.10',
    ...Object.entries(functions).flatMap(([cpu, names]) => [
      `cpu: ${cpu}`,
      ' clock 0:',
      'active timers:',
      ...names.map((name, index) => ` #${index}: <00000000ab12>, ${name}, S:01`),
      '  .tick_stopped   : 1',
    ]),
    'Tick Device: mode:     1',
    '',
  ].join('\n')

/** A cgroup with the cpuset controller. */
export const cpusetFiles = (
  group: string,
  cpus: string,
  {effective = cpus, partition = 'member'}: {readonly effective?: string; readonly partition?: string} = {},
): Files => ({
  [`/sys/fs/cgroup/${group}/cpuset.cpus`]: `${cpus}\n`,
  [`/sys/fs/cgroup/${group}/cpuset.cpus.effective`]: `${effective}\n`,
  [`/sys/fs/cgroup/${group}/cpuset.cpus.partition`]: `${partition}\n`,
})

export const CMDLINE =
  'BOOT_IMAGE=/vmlinuz root=/dev/sda1 isolcpus=domain,managed_irq,2-3 nohz_full=2-3 irqaffinity=0-1 tsc=reliable'

/** The boot entry of systemd-boot on that machine. */
export const BOOT_ENTRY = '/boot/loader/entries/debian-6.12.117-isol1.conf'
export const bootEntry = (options: string) =>
  `title Debian\nversion 6.12.117-isol1\nlinux /vmlinuz\noptions ${options}\n`

/** A machine of four CPUs on Linux 6.12, completely tuned for the isolated CPUs 2 and 3. */
export function goodFiles(): Record<string, string> {
  const cpu = '/sys/devices/system/cpu'
  return {
    [`${cpu}/online`]: '0-3\n',
    [`${cpu}/possible`]: '0-3\n',
    [`${cpu}/present`]: '0-3\n',
    [`${cpu}/isolated`]: '2-3\n',
    [`${cpu}/nohz_full`]: '2-3\n',
    [`${cpu}/task_isolation`]: '2-3\n',
    ...Object.fromEntries([0, 1, 2, 3].map((n) => [`${cpu}/cpu${n}/topology/core_cpus_list`, `${n}\n`])),
    ...Object.fromEntries([0, 1, 2, 3].map((n) => [`${cpu}/cpu${n}/topology/core_id`, `${n}\n`])),
    '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n',
    '/sys/devices/virtual/workqueue/cpumask': '3\n',
    ...Object.fromEntries(
      [0, 1, 2, 3].map((n) => [
        `/sys/kernel/debug/sched/fair_server/cpu${n}/runtime`,
        n > 1 ? '0\n' : '50000000\n',
      ]),
    ),
    '/sys/kernel/debug/sched/debug': schedDebugText({
      2: {running: 1, switches: 28},
      3: {running: 1, switches: 30},
    }),
    '/sys/kernel/tracing/current_tracer': 'nop\n',
    '/sys/kernel/tracing/set_event': '\n',
    '/sys/kernel/tracing/events/enable': '0\n',
    '/sys/kernel/irq/24/actions': 'nvme0q1\n',
    '/sys/kernel/irq/24/chip_name': 'PCI-MSIX-0000:00:05.0\n',
    '/proc/irq/24/smp_affinity_list': '0-1\n',
    '/proc/irq/24/effective_affinity_list': '1\n',
    '/proc/irq/default_smp_affinity': '3\n',
    '/proc/interrupts': interruptsText({
      24: [5, 6, 0, 0],
      LOC: [900, 800, 30, 30],
      RES: [1, 2, 3, 4],
      CAL: [9, 9, 9, 9],
    }),
    '/proc/stat': 'cpu  1 2 3 4\ncpu2 1 0 1 5 0 0 0 0 0 0\ncpu3 1 0 1 5 0 0 0 0 0 0\n',
    '/proc/cmdline': `${CMDLINE}\n`,
    [BOOT_ENTRY]: bootEntry(CMDLINE),
    '/sys/firmware/efi/fw_platform_size': '64\n',
    '/proc/cpuinfo': 'processor\t: 0\nflags\t\t: fpu tsc\n',
    '/proc/config.gz':
      'CONFIG_NO_HZ_FULL=y\nCONFIG_CPU_ISOLATION=y\nCONFIG_RCU_NOCB_CPU=y\nCONFIG_CPUSETS=y\nCONFIG_HZ=250\n',
    '/proc/sys/kernel/osrelease': '6.12.117-isol1\n',
    '/proc/sys/kernel/random/boot_id': '11111111-2222-3333-4444-555555555555\n',
    '/proc/sys/kernel/sched_rt_runtime_us': '950000\n',
    '/proc/sys/kernel/timer_migration': '1\n',
    '/proc/sys/kernel/soft_watchdog': '1\n',
    '/proc/sys/kernel/nmi_watchdog': '0\n',
    '/proc/sys/kernel/watchdog_cpumask': '0-1\n',
    '/var/log/dmesg': `Linux version 6.12.117-isol1\nCommand line: ${CMDLINE}\nrcu: \tOffload RCU callbacks from CPUs: 2-3.\n`,
    '/boot/config-6.12.117-isol1': 'CONFIG_TASK_ISOLATION=y\n',
    '/var/lib/kubelet/cpu_manager_state': '{"policyName":"none","defaultCpuSet":"","checksum":1}',
    '/proc/mounts': 'sysfs /sys sysfs rw 0 0\ndebugfs /sys/kernel/debug debugfs rw 0 0\n',
    '/proc/swaps': 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n',
    '/proc/timer_list': timerListText({2: ['tick_nohz_handler'], 3: []}),
    '/proc/net/route':
      'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nlan0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\n',
    '/proc/sys/kernel/numa_balancing': '0\n',
    '/proc/sys/net/core/rps_default_mask': '00000003\n',
    '/proc/sys/vm/compaction_proactiveness': '0\n',
    '/proc/sys/vm/compact_unevictable_allowed': '0\n',
    '/proc/sys/vm/stat_interval': '1\n',
    '/sys/bus/pci/devices/0000:03:00.0/vendor': '0x8086\n',
    '/sys/bus/pci/devices/0000:00:19.0/vendor': '0x8086\n',
    '/sys/bus/pci/devices/0000:03:00.0/subsystem_vendor': '0x8086\n',
    '/sys/bus/pci/devices/0000:00:19.0/subsystem_vendor': '0x1028\n',
    '/sys/class/dmi/id/sys_vendor': 'Dell Inc.\n',
    '/sys/class/dmi/id/product_name': 'PowerEdge R650\n',
    '/sys/class/dmi/id/product_version': '\n',
    ...Object.fromEntries(
      ['bios_vendor', 'board_vendor', 'chassis_vendor'].map((name) => [
        `/sys/class/dmi/id/${name}`,
        'Dell Inc.\n',
      ]),
    ),
    '/sys/class/dmi/id/board_name': '0PH7K9\n',
    '/sys/bus/pci/devices/0000:00:19.0/net/lan0/address': '00:00:00:00:00:00\n',
    '/sys/bus/pci/drivers/vfio-pci/0000:03:00.0/vendor': '0x8086\n',
    '/sys/class/net/lan0/queues/rx-0/rps_cpus': '0\n',
    '/sys/class/net/lan0/queues/tx-0/xps_cpus': '3\n',
    '/sys/devices/system/node/node0/cpulist': '0-3\n',
    '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages': '512\n',
    '/sys/devices/virtual/workqueue/writeback/cpumask': 'f\n',
    '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu memory\n',
    ...cpusetFiles('init.scope', '0-1'),
    ...cpusetFiles('system.slice', '0-1'),
    '/run/systemd/system/basic.target': '',
    '/sys/kernel/mm/ksm/run': '0\n',
    '/sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never\n',
    '/sys/kernel/security/lockdown': '[none] integrity confidentiality\n',
    [`${cpu}/smt/active`]: '0\n',
    [`${cpu}/cpuidle/current_driver`]: 'intel_idle\n',
    [`${cpu}/cpufreq/policy2/scaling_governor`]: 'performance\n',
    [`${cpu}/cpufreq/policy2/affected_cpus`]: '2\n',
    [`${cpu}/cpufreq/policy3/scaling_governor`]: 'performance\n',
    [`${cpu}/cpufreq/policy3/affected_cpus`]: '3\n',
    ...Object.fromEntries(
      [2, 3].flatMap((n) => [
        [`${cpu}/cpu${n}/cpuidle/state0/name`, 'POLL\n'],
        [`${cpu}/cpu${n}/cpuidle/state0/latency`, '0\n'],
        [`${cpu}/cpu${n}/cpuidle/state0/disable`, '0\n'],
        [`${cpu}/cpu${n}/cpuidle/state1/name`, 'C6\n'],
        [`${cpu}/cpu${n}/cpuidle/state1/latency`, '170\n'],
        [`${cpu}/cpu${n}/cpuidle/state1/disable`, '0\n'],
        [`${cpu}/cpu${n}/power/pm_qos_resume_latency_us`, 'n/a\n'],
      ]),
    ),
    ...taskFiles({tid: 1, comm: 'systemd', allowed: '0-1'}),
    ...taskFiles({tid: 2, comm: 'kthreadd', flags: PF_KTHREAD, allowed: '0-1'}),
    ...taskFiles({tid: 20, comm: 'rcuop/2', flags: PF_KTHREAD, allowed: '0-1'}),
    ...taskFiles({tid: 21, comm: 'rcuop/3', flags: PF_KTHREAD, allowed: '0-1'}),
    ...taskFiles({
      tid: 30,
      comm: 'migration/3',
      flags: PF_KTHREAD | PF_NO_SETAFFINITY,
      cpu: 3,
      allowed: '3',
      switches: 9,
    }),
    ...taskFiles({tid: 40, comm: 'rcu_preempt', flags: PF_KTHREAD, cpu: 1, allowed: '0-1', switches: 99}),
  }
}

/** The good machine with some files replaced or, where undefined, removed with everything below. */
export function changed(change: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const files = goodFiles()
  for (const [path, text] of Object.entries(change)) {
    if (text === undefined)
      for (const file of Object.keys(files)) if (file.startsWith(path)) delete files[file]
    if (text !== undefined) files[path] = text
  }
  return files
}

export const SETTINGS: Settings = {
  isolated: CpuSet.parse('2-3'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'other'},
  windowMs: 10_000,
}

export type Over = Partial<Settings>

export const givens = (over: Over = {}, how: Partial<Probe> = {}): readonly Given[] => [
  given(settings, {...SETTINGS, ...over}),
  given(probe, {spin: true, isolate: false, ...how}),
]

export interface FakeLive {
  readonly host: HostView
  readonly files: Map<string, string>
  /** The argument lists of the helpers that were started. */
  readonly started: string[][]
  /** The trace requests. */
  readonly traced: TraceRequest[]
  /** The spinners that run. */
  readonly running: Set<number>
}

/**
 * A running machine with a clock that the test controls. A sleep through the window changes files
 * as `during` says; spinners get the thread ids 1002 for CPU 2 and so on.
 */
export function fakeLive(
  files: Files,
  {
    during = {},
    refuse = {},
    maxGapNs = 300,
    observedNs = 10_000_000_000,
    onSleep,
    trace = '',
  }: {
    readonly during?: Files
    /** CPU to what its spinner prints instead of "ready". */
    readonly refuse?: Readonly<Record<number, string>>
    /** The output of the spinners. */
    readonly maxGapNs?: number
    /** For how long they say that they ran. */
    readonly observedNs?: number
    readonly onSleep?: (ms: number) => void
    /** The trace that tracepoints write, or the error. */
    readonly trace?: string | Error
  } = {},
): FakeLive {
  const memory = memoryHost(files)
  const [started, running]: [string[][], Set<number>] = [[], new Set()]
  const traced: TraceRequest[] = []
  let now = 0
  let slept = 0
  const live: Live = {
    now: () => '2026-11-22T11:00:00.000Z',
    monotonicMs: () => now,
    async sleep(ms, signal) {
      onSleep?.(ms)
      signal?.throwIfAborted()
      now += ms
      slept += 1
      // The first sleep under load is the settling; there is none without spinners.
      if (slept > (running.size > 0 ? 1 : 0))
        for (const [path, text] of Object.entries(during)) memory.files.set(path, text)
    },
    async start(argv) {
      started.push([...argv])
      const cpu = Number(argv[argv.indexOf('--cpu') + 1])
      const complaint = refuse[cpu]
      if (complaint === undefined) running.add(cpu)
      const ready = complaint === undefined ? Promise.resolve('ready') : Promise.reject(new Error(complaint))
      ready.catch(() => {})
      const pid = 1000 + cpu
      for (const [path, text] of Object.entries(
        taskFiles({tid: pid, comm: 'isol-spin', cpu, allowed: `${cpu}`}),
      ))
        memory.files.set(path, text)
      return {
        pid,
        ready,
        async stop() {
          running.delete(cpu)
          return {
            stdout: complaint === undefined ? `ready\n${RECORD(cpu, maxGapNs, observedNs)}\n` : '',
            stderr: complaint ?? '',
            exitCode: 0,
          }
        },
      }
    },
    poke: async () => {},
    stayOn: async () => {},
    async trace(request, during) {
      traced.push(request)
      await during()
      if (typeof trace !== 'string') throw trace
      return trace
    },
    kernelLog: async () => memory.files.get('/var/log/dmesg') ?? '',
  }
  return {host: {...memory, live}, files: memory.files, started, running, traced}
}

const RECORD = (cpu: number, maxGapNs: number, observedNs: number) =>
  JSON.stringify({
    cpu,
    tickHz: 2.4e9,
    observedNs,
    iterations: 1e8,
    thresholdNs: 1000,
    gaps: 0,
    maxGapNs,
    maxGapAtNs: 5,
    log2Ticks: [0, 1],
  })

export const reader = (files: Files, over: Partial<Settings> = {}, how: Partial<Probe> = {}) =>
  gatherer(memoryHost(files), givens(over, how))
