// SPDX-License-Identifier: MIT
import {bootLimits, withholders} from '../boot/boot-limits.ts'
import {type Cmdline, valuesOf} from '../boot/cmdline.ts'
import {tickKeepers} from '../boot/tick-keepers.ts'
import {cmdline} from '../facts/cmdline.ts'
import {online} from '../facts/cpus.ts'
import {optional} from '../facts/fact.ts'
import {settings} from '../facts/settings.ts'
import {topology} from '../facts/topology.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Finding} from '../model/finding.ts'
import {parseKernelList} from '../model/kernel-list.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'cmdline-undoes-isolation',
  title: 'no boot argument takes isolation back',
  why: 'Some arguments undo what isolation arguments ask for, wherever they stand. nohz=off, and a TSC that is declared unstable, keep the tick on every CPU, and /sys/devices/system/cpu/nohz_full still lists the CPUs. nr_cpus=, possible_cpus=, maxcpus= and nosmp leave the kernel without the CPUs that are to be isolated. nosmt, mitigations=auto,nosmt or acpi=off can do so, depending on the machine.',
  values:
    'Each finding is an argument with that effect. An argument that limits the CPUs is a finding only if a CPU that is to be isolated is beyond its limit and is not online. Where it depends on the machine which CPUs an argument keeps offline, it fails if such a CPU is offline, and warns if the machine is not known.',
  facts: {cmdline, online: optional(online), settings: optional(settings), topology: optional(topology)},
  judge({cmdline, online, settings, topology}) {
    const isolates = ['isolcpus', 'nohz_full'].some((name) => valuesOf(cmdline, name).length > 0)
    const ticking: readonly Finding[] = !isolates
      ? []
      : tickKeepers(cmdline).map(({text, reason}) => ({severity: 'fail', subject: text, message: reason}))
    const wanted = [listed(cmdline), settings?.isolated, settings?.unavailable].reduce<CpuSet>(
      (all, cpus) => all.union(cpus ?? CpuSet.empty),
      CpuSet.empty,
    )
    // Boot arguments alone (isolctl lint) do not say which CPUs share a core.
    const real = topology?.some(({siblings}) => siblings !== undefined)
    const withheld = withheldBy(cmdline, wanted, real ? online : undefined)
    const {count, started, limitedBy} = bootLimits(cmdline, {count: MOST_CPUS})
    const limit = Math.max(1, Math.min(count, started))
    const beyond = CpuSet.from([...wanted].filter((cpu) => cpu >= limit)).minus(online ?? CpuSet.empty)
    if (limitedBy.length === 0 || beyond.isEmpty) return [...ticking, ...withheld]
    return [
      ...ticking,
      ...withheld,
      {
        severity: 'fail',
        subject: limitedBy.join(' '),
        message: `the kernel has no CPU ${beyond} because of it`,
        cpus: beyond,
        expected: `CPU ${wanted}`,
        actual: limit === 1 ? 'CPU 0 only' : `CPUs 0-${limit - 1}`,
      },
    ]
  },
  remedy: {text: 'remove it from the boot arguments and reboot'},
  reference:
    'kernel/time/tick-sched.c: setup_tick_nohz, check_tick_dependency; kernel/smp.c: nrcpus, maxcpus; kernel/cpu.c: smt_cmdline_disable',
})

/** One finding for each argument that keeps, or may keep, a wanted CPU offline. */
const withheldBy = (cmdline: Cmdline, wanted: CpuSet, online: CpuSet | undefined): readonly Finding[] =>
  withholders(cmdline).flatMap(({text, reason, from}): readonly Finding[] => {
    const cpus = CpuSet.from([...wanted].filter((cpu) => cpu >= from))
    const offline = cpus.minus(online ?? CpuSet.empty)
    if (offline.isEmpty) return []
    return online === undefined
      ? [
          {
            severity: 'warn',
            subject: text,
            message: `${reason}: which CPUs that are depends on the machine`,
            cpus,
          },
        ]
      : [{severity: 'fail', subject: text, message: `CPU ${offline} is offline: ${reason}`, cpus: offline}]
  })

/** More than any kernel can have (NR_CPUS). */
const MOST_CPUS = 8192

/** The CPUs that the lists name by number. */
const listed = (cmdline: Cmdline): CpuSet =>
  ['isolcpus', 'nohz_full']
    .flatMap((name) => valuesOf(cmdline, name))
    .map((value) => value.replace(/^(?:[A-Za-z_]+,)+/, ''))
    .filter((list) => /^[\d,:/-]+$/.test(list))
    .reduce((all, list) => all.union(parseKernelList(list, MOST_CPUS).cpus), CpuSet.empty)
