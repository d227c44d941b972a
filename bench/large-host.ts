// SPDX-License-Identifier: MIT
/**
 * The files of a large, quiet machine, to measure how long preflight takes:
 *
 *   node bench/large-host.ts DIR     1024 CPUs, 4096 interrupts, 50,000 threads; DIR must not exist
 */
import {mkdirSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {CpuSet} from '../src/model/cpuset.ts'

export interface Size {
  readonly cpus: number
  readonly irqs: number
  readonly threads: number
}

export const LARGE: Size = {cpus: 1024, irqs: 4096, threads: 50_000}

/** One CPU in sixteen is a housekeeping CPU. */
const SHARE = 16
const THREADS_PER_PROCESS = 10

const PF_KTHREAD = 0x0020_0000
const PF_NO_SETAFFINITY = 0x0400_0000

/** Write the files below `root`, which must not exist. Returns their number. */
export function writeLargeHost(root: string, {cpus, irqs, threads}: Size = LARGE): number {
  let files = 0
  const made = new Set<string>()
  const put = (path: string, text: string) => {
    const folder = join(root, dirname(path))
    if (!made.has(folder)) mkdirSync(folder, {recursive: true})
    made.add(folder)
    writeFileSync(join(root, path), text, {flag: 'wx'})
    files++
  }
  const hk = cpus / SHARE
  const [all, housekeeping, isolated] = [`0-${cpus - 1}`, `0-${hk - 1}`, `${hk}-${cpus - 1}`]
  const mask = CpuSet.parse(housekeeping).toMask('0'.repeat(cpus / 4))

  const cpu = 'sys/devices/system/cpu'
  for (const name of ['online', 'possible', 'present']) put(`${cpu}/${name}`, `${all}\n`)
  for (const name of ['isolated', 'nohz_full']) put(`${cpu}/${name}`, `${isolated}\n`)
  for (let n = 0; n < cpus; n++) {
    const topology = `${cpu}/cpu${n}/topology`
    put(`${topology}/core_cpus_list`, `${n}\n`)
    put(`${topology}/core_id`, `${n % 128}\n`)
    put(`${topology}/physical_package_id`, `${Math.floor(n / 128)}\n`)
    mkdirSync(join(root, `${cpu}/cpu${n}/node${Math.floor(n / 128)}`))
    put(`sys/kernel/debug/sched/fair_server/cpu${n}/runtime`, n < hk ? '50000000\n' : '0\n')
  }
  for (let n = 0; n < irqs; n++) {
    const at = `${n % hk}\n`
    put(`proc/irq/${n}/smp_affinity_list`, `${housekeeping}\n`)
    put(`proc/irq/${n}/effective_affinity_list`, at)
    put(`sys/kernel/irq/${n}/actions`, `nvme${n >> 6}q${n % 64}\n`)
    put(`sys/kernel/irq/${n}/chip_name`, 'PCI-MSIX-0000:00:05.0\n')
  }
  put('proc/irq/default_smp_affinity', `${mask}\n`)
  put('sys/devices/virtual/workqueue/cpumask', `${mask}\n`)
  put('sys/devices/system/clocksource/clocksource0/current_clocksource', 'tsc\n')
  put('sys/kernel/tracing/current_tracer', 'nop\n')
  put('sys/kernel/tracing/set_event', '\n')
  const args = `isolcpus=domain,managed_irq,${isolated} nohz_full=${isolated} irqaffinity=${housekeeping} tsc=reliable`
  put('proc/cmdline', `${args}\n`)
  put(
    'proc/cpuinfo',
    Array.from({length: cpus}, (_, n) => `processor\t: ${n}\nflags\t\t: fpu tsc\n`).join('\n'),
  )
  put('proc/sys/kernel/osrelease', '6.12.0\n')
  put('proc/sys/kernel/soft_watchdog', '1\n')
  put('proc/sys/kernel/nmi_watchdog', '0\n')
  put('proc/sys/kernel/watchdog_cpumask', `${housekeeping}\n`)
  put('var/log/dmesg', `Linux version 6.12.0\nCommand line: ${args}\n`)
  put('proc/interrupts', interrupts(cpus, irqs, hk))
  for (let n = 0; n < threads; n++) {
    const [tid, pid] = [n + 1, n - (n % THREADS_PER_PROCESS) + 1]
    put(`proc/${pid}/task/${tid}/status`, status(tid, allowed(n, {cpus, housekeeping})))
    put(`proc/${pid}/task/${tid}/stat`, stat(tid, n, hk))
  }
  return files
}

/**
 * The kernel binds most threads of such a machine to one CPU; the others run on the housekeeping
 * CPUs.
 */
const bound = (n: number) => n % 10 < 4
const allowed = (n: number, {cpus, housekeeping}: {cpus: number; housekeeping: string}) =>
  bound(n) ? `${n % cpus}` : housekeeping

const status = (tid: number, cpulist: string) =>
  [
    `Name:\tworker-${tid % 977}`,
    ...['Umask:\t0022', 'State:\tS (sleeping)', `Tgid:\t${tid}`, 'Ngid:\t0', `Pid:\t${tid}`, 'PPid:\t2'],
    ...[
      'Uid:\t0\t0\t0\t0',
      'Gid:\t0\t0\t0\t0',
      'FDSize:\t64',
      'VmPeak:\t  123456 kB',
      'VmSize:\t  123456 kB',
    ],
    ...['VmRSS:\t   12345 kB', 'RssAnon:\t    1234 kB', 'Threads:\t10', 'SigQ:\t0/12345'],
    ...[
      'SigPnd',
      'ShdPnd',
      'SigBlk',
      'SigIgn',
      'SigCgt',
      'CapInh',
      'CapPrm',
      'CapEff',
      'CapBnd',
      'CapAmb',
    ].map((name) => `${name}:\t0000000000000000`),
    ...['NoNewPrivs:\t0', 'Seccomp:\t0', `Cpus_allowed_list:\t${cpulist}`, 'Mems_allowed_list:\t0-7'],
    ...['voluntary_ctxt_switches:\t123', 'nonvoluntary_ctxt_switches:\t4', ''],
  ].join('\n')

function stat(tid: number, n: number, hk: number): string {
  const fields = Array.from({length: 50}, () => '0')
  fields[0] = 'S'
  fields[6] = `${bound(n) ? PF_KTHREAD | PF_NO_SETAFFINITY : 0}`
  fields[36] = `${n % hk}`
  return `${tid} (worker-${tid % 977}) ${fields.join(' ')}\n`
}

/** /proc/interrupts, with a column of eleven characters for every CPU. */
function interrupts(cpus: number, irqs: number, hk: number): string {
  const zero = `${' '.repeat(9)}0 `
  const row = (name: string, label: string, at: number) =>
    `${name.padStart(5)}: ${zero.repeat(at)}${'1234'.padStart(10)} ${zero.repeat(cpus - at - 1)}  ${label}\n`
  const head = `      ${Array.from({length: cpus}, (_, n) => `CPU${n}`.padStart(10)).join(' ')}\n`
  const devices = Array.from({length: irqs}, (_, n) =>
    row(`${n}`, `PCI-MSIX-0000:00:05.0 ${n}-edge nvme${n}`, n % hk),
  )
  return `${head}${devices.join('')}${row('LOC', 'Local timer interrupts', 0)}`
}

if (import.meta.main) {
  const [root] = process.argv.slice(2)
  if (root === undefined) throw new Error('usage: node bench/large-host.ts DIR')
  process.stdout.write(`${writeLargeHost(root)} files\n`)
}
