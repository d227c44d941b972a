// SPDX-License-Identifier: MIT

import {CpuSet} from '../model/cpuset.ts'
import {parseKernelList} from '../model/kernel-list.ts'
import {type Cmdline, parseCmdline} from './cmdline.ts'

/** The CPUs that the kernel knows when it parses its boot arguments. */
export interface BootCpus {
  /**
   * nr_cpu_ids: the highest possible CPU number plus one, including hot-pluggable CPUs that are not
   * present.
   */
  readonly count: number
  /** CPUs present at boot; default: all. */
  readonly present?: CpuSet
  /**
   * Whether the kernel can suspend (CONFIG_PM_SLEEP_SMP), as distribution kernels can: the boot CPU
   * then does the timekeeping and keeps its tick. Default: true.
   */
  readonly suspends?: boolean
}

/** The result of the isolation arguments of a kernel. CPU 0 is the boot CPU. */
export interface Isolation {
  /** CPUs outside the scheduling domains: /sys/devices/system/cpu/isolated. */
  readonly domain: CpuSet
  /** CPUs that managed interrupts avoid. */
  readonly managedIrq: CpuSet
  /** CPUs whose tick may stop: /sys/devices/system/cpu/nohz_full. */
  readonly nohzFull: CpuSet
  /**
   * CPUs without unbound work, timers and kernel threads: the effect of nohz_full= besides the
   * tick.
   */
  readonly unbound: CpuSet
  /** CPUs whose RCU callbacks are offloaded. */
  readonly rcuNocbs: CpuSet
  /** Default affinity of interrupts; undefined: no irqaffinity=, all CPUs. */
  readonly irqDefault: CpuSet | undefined
  /**
   * Arguments that the kernel drops, or reads differently than they are written, with the reason.
   */
  readonly refused: readonly {readonly text: string; readonly reason: string}[]
}

type Flag = 'domain' | 'managed_irq' | 'tick' | 'unbound'

/**
 * The kernel's rules in the kernel's order: kernel/sched/isolation.c (housekeeping_setup),
 * kernel/rcu/tree_nocb.h, kernel/irq/irqdesc.c, kernel/time/tick-sched.c, as of 6.12. The lab tests
 * compare the result with a booted kernel. Pure.
 */
export function isolationOf(cmdline: Cmdline | string, cpus: BootCpus): Isolation {
  const {args} = typeof cmdline === 'string' ? parseCmdline(cmdline) : cmdline
  const possible = CpuSet.from(Array.from({length: cpus.count}, (_, cpu) => cpu))
  const present = cpus.present ?? possible
  const quiet = new Map<Flag, CpuSet>()
  const refused: {text: string; reason: string}[] = []
  let nocb: CpuSet | undefined
  let irqDefault: CpuSet | undefined

  /** housekeeping_setup(): returns the reason when the kernel drops the whole argument. */
  const setup = (list: string, flags: readonly Flag[]): string | undefined => {
    const parsed = parseKernelList(list, cpus.count)
    if (parsed.error !== undefined) return parsed.error
    let away = parsed.cpus
    if (present.minus(away).isEmpty) away = away.minus(CpuSet.of(0))
    if (away.isEmpty) return 'it contains no CPU that can be isolated'
    const clash = flags.find((flag) => quiet.get(flag)?.equals(away) === false)
    if (clash !== undefined) return `an earlier argument sets other CPUs for the same purpose (${clash})`
    for (const flag of flags) quiet.set(flag, away)
    return undefined
  }

  for (const {name, value = '', text} of args) {
    let reason: string | undefined
    if (name === 'nohz_full') reason = setup(value, ['tick', 'unbound'])
    if (name === 'isolcpus') {
      const {flags, skipped, list, error} = isolcpusFlags(value)
      reason = error ?? setup(list, flags)
      if (skipped.length > 0)
        refused.push({text, reason: `"${skipped.join(', ')}" is not a flag and is skipped`})
    }
    if (name === 'rcu_nocbs' && value !== '') {
      const parsed = parseKernelList(value, cpus.count)
      nocb = parsed.error === undefined ? parsed.cpus : possible
      if (parsed.error !== undefined) reason = `${parsed.error}; all CPUs are offloaded instead`
    }
    if (name === 'irqaffinity') {
      const parsed = parseKernelList(value, cpus.count)
      // The kernel keeps the CPUs before the error, and always adds the boot CPU.
      irqDefault = parsed.cpus.union(CpuSet.of(0))
      if (parsed.error !== undefined) reason = `${parsed.error}; it becomes ${irqDefault}`
    }
    if (reason !== undefined) refused.push({text, reason})
  }
  const asked = quiet.get('tick') ?? CpuSet.empty
  const tick = (cpus.suspends ?? true) ? asked.minus(CpuSet.of(0)) : asked
  return {
    domain: quiet.get('domain') ?? CpuSet.empty,
    managedIrq: quiet.get('managed_irq') ?? CpuSet.empty,
    nohzFull: tick,
    unbound: quiet.get('unbound') ?? CpuSet.empty,
    rcuNocbs: (nocb ?? CpuSet.empty).union(tick),
    irqDefault,
    refused,
  }
}

/**
 * housekeeping_isolcpus_setup(): the flags before the list. The kernel skips an unknown flag and
 * stops at an illegal one.
 */
function isolcpusFlags(value: string): {
  readonly flags: readonly Flag[]
  readonly skipped: readonly string[]
  readonly list: string
  readonly error?: string
} {
  const flags: Flag[] = []
  const skipped: string[] = []
  let rest = value
  while (/^[A-Za-z]/.test(rest)) {
    const end = rest.indexOf(',')
    const word = end === -1 ? rest : rest.slice(0, end)
    if (end === -1) return {flags, skipped, list: '', error: `"${word}" is not a flag, and no CPU follows it`}
    if (word === 'nohz') flags.push('tick')
    else if (word === 'domain' || word === 'managed_irq') flags.push(word)
    else if (/^[A-Za-z_]+$/.test(word)) skipped.push(word)
    else return {flags, skipped, list: '', error: `"${word}" is not a flag`}
    rest = rest.slice(end + 1)
  }
  return {flags: flags.length === 0 ? ['domain'] : flags, skipped, list: rest}
}
