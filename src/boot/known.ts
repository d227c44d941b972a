// SPDX-License-Identifier: MIT

import {editDistance} from '../lib/nearest.ts'
import type {Cmdline} from './cmdline.ts'

/** An argument that the kernel does not know, and the consequence. */
export interface Foreign {
  readonly text: string
  readonly reason: string
  /** The argument has no effect and does no harm. */
  readonly inert: boolean
}

/**
 * Arguments that isolation depends on, as the kernel compares names. An argument that differs from
 * one of them by a typing error is assumed to be that one.
 */
const TYPED = [
  'isolcpus',
  'nohz_full',
  'rcu_nocbs',
  'rcu_nocb_poll',
  'irqaffinity',
  'nosoftlockup',
  'nowatchdog',
  'nmi_watchdog',
  'skew_tick',
] as const

/** Those of them that take a list of CPUs. */
const LIST_NAMES = ['isolcpus', 'nohz_full', 'rcu_nocbs', 'irqaffinity'] as const

/**
 * Arguments that are newer than some supported kernels: name to first version, as major + minor /
 * 1000.
 */
const SINCE: Readonly<Record<string, number>> = {
  'workqueue.unbound_cpus': 6.006,
  'rcutree.nohz_full_patience_delay': 6.011,
}

/** sysctl.NAME=VALUE as a boot argument (fs/proc/proc_sysctl.c: do_sysctl_args). */
const SYSCTL_ARGUMENT = 5.008

/**
 * Settings of /proc/sys that guides name beside boot arguments, with the name of the sysctl. As a
 * boot argument they have no effect.
 */
const SYSCTLS: Readonly<Record<string, string>> = {
  timer_migration: 'kernel.timer_migration',
  sched_rt_runtime: 'kernel.sched_rt_runtime_us',
  sched_rt_runtime_us: 'kernel.sched_rt_runtime_us',
  sched_rt_period_us: 'kernel.sched_rt_period_us',
  sched_autogroup_enabled: 'kernel.sched_autogroup_enabled',
  sched_rr_timeslice_ms: 'kernel.sched_rr_timeslice_ms',
  sched_schedstats: 'kernel.sched_schedstats',
  soft_watchdog: 'kernel.soft_watchdog',
  compaction_proactiveness: 'vm.compaction_proactiveness',
  dirty_writeback_centisecs: 'vm.dirty_writeback_centisecs',
  zone_reclaim_mode: 'vm.zone_reclaim_mode',
  watchdog_cpumask: 'kernel.watchdog_cpumask',
  hung_task_timeout_secs: 'kernel.hung_task_timeout_secs',
  perf_cpu_time_max_percent: 'kernel.perf_cpu_time_max_percent',
  stat_interval: 'vm.stat_interval',
  swappiness: 'vm.swappiness',
  nr_hugepages: 'vm.nr_hugepages',
}

/** Files of /proc and /sys that are taken for boot arguments, with the argument for the same thing. */
const FILES: Readonly<Record<string, string>> = {
  default_smp_affinity: 'irqaffinity=',
  smp_affinity: 'irqaffinity=',
  smp_affinity_list: 'irqaffinity=',
}

/** Flags of isolcpus= that stand alone, or with a list of their own. */
const FLAGS: ReadonlySet<string> = new Set(['managed_irq', 'domain'])

/** Why an argument is one only by its looks: it belongs into another place. */
function misplaced(name: string): string | undefined {
  if (FLAGS.has(name)) return `it is no boot argument but a flag: isolcpus=${name},LIST`
  const sysctl = SYSCTLS[name.replace(/^(?:kernel|vm)\./, '')]
  if (sysctl !== undefined) return `it is no boot argument but a sysctl: set ${sysctl} in /etc/sysctl.d`
  const argument = FILES[name]
  return argument === undefined
    ? undefined
    : `it is no boot argument but a file of /proc/irq; ${argument} is the argument`
}

/**
 * Words that belong to a list before them: a blank after a comma ends the list, and the kernel
 * passes the rest to init. A single digit is not reported without a comma, because it is the run
 * level for init. U+FFFD is the half of a no-break space that the kernel left in the list. Pure.
 */
export function straysOf({args}: Cmdline): readonly {readonly text: string; readonly reason: string}[] {
  return args.flatMap(({text, value}, index) => {
    const before = args[index - 1]
    if (value !== undefined || before === undefined) return []
    const open = LISTS.test(before.text) && /[,=\ufffd-]$/.test(before.text)
    const looks = /^[,=:-]*[\dN][\dN,:/-]*$/.test(text)
    const alone = /^[1-5]$/.test(text)
    const first = args.slice(0, index).findLast(({text}) => LISTS.test(text))
    if (!looks || first === undefined || (alone && !open)) return []
    return [
      {text, reason: `it looks like a part of ${first.text}; a blank ended that list, and this goes to init`},
    ]
  })
}

/**
 * Isolation arguments inside of another word, where they are none: a file of GRUB's was copied as it
 * is (GRUB_CMDLINE_LINUX="isolcpus=2-3"). A variable that no boot loader replaced is reported as
 * well. Pure.
 */
export function hiddenArguments({
  args,
}: Cmdline): readonly {readonly text: string; readonly reason: string}[] {
  return args.flatMap(({name, value, text}) => {
    if (/^\$\{?\w+\}?$/.test(text))
      return [{text, reason: 'it is a variable that the boot loader did not replace'}]
    const [, inner] = /(?:^|[\s"'=,;])(isolcpus|nohz_full|rcu_nocbs|irqaffinity)=/.exec(value ?? '') ?? []
    if (inner === undefined || (LIST_NAMES as readonly string[]).includes(name)) return []
    return [{text, reason: `${inner}= is a part of the value of ${name}=, and no argument`}]
  })
}

const LISTS = /^"?(?:isolcpus|nohz[-_]full|rcu[-_]nocbs|irqaffinity)(?:=|"?$)/

/**
 * Names that look like isolation arguments and that a kernel of this `version` (6.12: 6.012) does
 * not know. The kernel passes an unknown argument to init, or drops it, without a message
 * (init/main.c: unknown_bootoption). Names that resemble none of these are not reported, because
 * modules and init have arguments too. Pure.
 */
export function foreignArguments({args}: Cmdline, version: number | undefined): readonly Foreign[] {
  return args.flatMap(({name, text}): readonly Foreign[] => {
    if (name === 'kthread_cpus')
      return [
        {
          text,
          inert: true,
          reason: 'no mainline kernel has kthread_cpus; nohz_full= moves kernel threads',
        },
      ]
    const place = misplaced(name)
    if (place !== undefined) return [{text, inert: true, reason: place}]
    const since = name.startsWith('sysctl.') ? SYSCTL_ARGUMENT : SINCE[name]
    if (since !== undefined && version !== undefined && version < since)
      return [{text, inert: true, reason: `known since Linux ${versionText(since)}; older kernels drop it`}]
    const meant = misspelt(name)
    return meant === undefined ? [] : [{text, inert: false, reason: `no such argument; is ${meant}= meant?`}]
  })
}

/** nohz_full:2-7, nohz_full_cpus=2-7, default_irqaffinity=0-1, rcutree.rcu_nocbs=2-7. */
const DECORATED =
  /^(?:rcutree\.|rcupdate\.|kernel\.)?(?:default_)?(isolcpus|nohz_full|rcu_nocbs|irqaffinity)(?:_?cpus?|_?list|:.*)?$/

/** The argument that was probably meant: "nohz_ful", "isolcpu", "irq_affinity". */
function misspelt(name: string): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll('_', '')
  if (/^isolated?(?:cpus?|cores?)$/.test(plain(name))) return 'isolcpus'
  const known = DECORATED.exec(name.toLowerCase())?.[1]
  if (known !== undefined && name !== known) return known
  return (TYPED as readonly string[]).includes(name)
    ? undefined
    : TYPED.find((known) => {
        const distance = editDistance(plain(name), plain(known))
        return distance === 0 || (distance <= 2 && !LOOKALIKES.has(name))
      })
}

/** Arguments that exist and are as similar. */
const LOOKALIKES = new Set(['watchdog'])

const versionText = (version: number) => `${Math.floor(version)}.${Math.round((version % 1) * 1000)}`
