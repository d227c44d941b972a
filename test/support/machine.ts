// SPDX-License-Identifier: MIT
import {type Given, gatherer, given} from '../../src/facts/fact.ts'
import {type Settings, settings} from '../../src/facts/settings.ts'
import type {HostView, Live} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {CpuSet} from '../../src/lib/cpuset.ts'
import {type Probe, probe} from '../../src/measure/watch.ts'

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

export const CMDLINE =
  'BOOT_IMAGE=/vmlinuz root=/dev/sda1 isolcpus=domain,managed_irq,2-3 nohz_full=2-3 irqaffinity=0-1 tsc=reliable'

/** Where systemd-boot keeps what it passes on that machine. */
export const BOOT_ENTRY = '/boot/loader/entries/debian-6.12.117-isol1.conf'
export const bootEntry = (options: string) =>
  `title Debian\nversion 6.12.117-isol1\nlinux /vmlinuz\noptions ${options}\n`

/** A machine of four CPUs on Linux 6.12 on which everything is as it should be for CPUs 2 and 3. */
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
    '/proc/cpuinfo': 'processor\t: 0\nflags\t\t: fpu tsc\n',
    '/proc/config.gz':
      'CONFIG_NO_HZ_FULL=y\nCONFIG_CPU_ISOLATION=y\nCONFIG_RCU_NOCB_CPU=y\nCONFIG_CPUSETS=y\nCONFIG_HZ=250\n',
    '/proc/sys/kernel/osrelease': '6.12.117-isol1\n',
    '/proc/sys/kernel/random/boot_id': '11111111-2222-3333-4444-555555555555\n',
    '/proc/sys/kernel/sched_rt_runtime_us': '950000\n',
    '/proc/sys/kernel/soft_watchdog': '1\n',
    '/proc/sys/kernel/nmi_watchdog': '0\n',
    '/proc/sys/kernel/watchdog_cpumask': '0-1\n',
    '/var/log/dmesg': `Linux version 6.12.117-isol1\nCommand line: ${CMDLINE}\n`,
    ...taskFiles({tid: 1, comm: 'systemd'}),
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

export const SETTINGS: Settings = {
  isolated: CpuSet.parse('2-3'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'other'},
  windowMs: 10_000,
}

export const givens = (over: Partial<Settings> = {}, how: Partial<Probe> = {}): readonly Given[] => [
  given(settings, {...SETTINGS, ...over}),
  given(probe, {spin: true, isolate: false, ...how}),
]

export interface FakeLive {
  readonly host: HostView
  readonly files: Map<string, string>
  /** What was started, as argument lists. */
  readonly started: string[][]
  /** Spinners that run now. */
  readonly running: Set<number>
}

/**
 * A running machine whose clock is ours. Sleeping through the window changes files as `during` says; spinners get the
 * thread ids 1002 for CPU 2 and so on.
 */
export function fakeLive(
  files: Files,
  {
    during = {},
    refuse = {},
    onSleep,
  }: {
    readonly during?: Files
    /** CPU to what its spinner says instead of "ready". */
    readonly refuse?: Readonly<Record<number, string>>
    readonly onSleep?: (ms: number) => void
  } = {},
): FakeLive {
  const memory = memoryHost(files)
  const [started, running]: [string[][], Set<number>] = [[], new Set()]
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
      // The first sleep under load is the settling; without spinners there is none.
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
            stdout: complaint === undefined ? `ready\n${RECORD(cpu)}\n` : '',
            stderr: complaint ?? '',
            exitCode: 0,
          }
        },
      }
    },
    stayOn: async () => {},
    kernelLog: async () => memory.files.get('/var/log/dmesg') ?? '',
  }
  return {host: {...memory, live}, files: memory.files, started, running}
}

const RECORD = (cpu: number) =>
  JSON.stringify({
    cpu,
    tickHz: 2.4e9,
    observedNs: 1e10,
    iterations: 1e8,
    thresholdNs: 1000,
    gaps: 0,
    maxGapNs: 300,
    maxGapAtNs: 5,
    log2Ticks: [0, 1],
  })

export const reader = (files: Files, over: Partial<Settings> = {}, how: Partial<Probe> = {}) =>
  gatherer(memoryHost(files), givens(over, how))
