// SPDX-License-Identifier: MIT
import type {ListRules} from '../model/kernel-list.ts'

/** The version of a kernel, as `uname -r` has it. */
export interface KernelVersion {
  /** "4.18.0-553.el8_10.x86_64" */
  readonly release: string
  readonly major: number
  readonly minor: number
}

/** One rule by which kernels read their isolation arguments, and the kernels that have it. */
interface RuleRow {
  /** What a kernel with this rule does. */
  readonly does: string
  /** What a kernel without it does. */
  readonly before: string
  /** The first mainline version with the rule. */
  readonly since: readonly [major: number, minor: number]
  /** Stable series that got it later: all their kernels are judged by it. */
  readonly stable?: readonly string[]
  /**
   * RHEL by its major release: whether its kernels have the rule, or the first build that has it (88
   * for kernel-5.14.0-88.el9). `surely`: a build that has it, where nothing says which build was the
   * first. "unknown": nothing public that was found says whether the rule was backported. Not listed:
   * as the version they are based on.
   */
  readonly rhel?: Readonly<Record<number, boolean | number | {readonly surely: number} | 'unknown'>>
  /** The function in the source of the kernel, and the commit or its subject. */
  readonly reference: string
}

/**
 * kernel-4.18.0-193.el8: the kernel of RHEL 8.2, whose TuneD has isolate_managed_irq. Of the kernels
 * of 8.0 and 8.1 (80 and 147) no source was found.
 */
const RHEL_8_2 = {surely: 193} as const

/**
 * The rules that differ between Linux 4.18 and 7.3. The versions were found in the sources of 4.18,
 * 5.0, 5.4, 5.10, 5.15, 6.1, 6.12 and 7.3; between two of these, the version is that of the commit.
 * Of 4.19, kernel/sched/isolation.c was read: its functions are those of 4.18. Its list parser was
 * not seen; 4.18 and 5.0 have the same rules there.
 *
 * RHEL 8 is based on 4.18, RHEL 9 on 5.14, and RHEL 10 on 6.12, each with many changes of later
 * versions. kernel/sched/isolation.c of Rocky Linux 8 has the flag managed_irq, and no other rule of
 * 5.6 or later. For RHEL 9, the changelog of its kernel package names two of the rules, with their
 * builds. Of RHEL 10, and of the other rules in RHEL 9, nothing was found.
 */
export const KERNEL_RULES = {
  rcuErrorOffloadsAll: {
    does: 'rcu_nocbs= with a list that the kernel cannot read offloads all CPUs',
    before: 'the CPUs before the error are offloaded',
    since: [5, 1],
    reference: 'kernel/rcu/tree_plugin.h: rcu_nocb_setup; not in 5.0, in 5.4',
  },
  listByRegion: {
    does: 'blanks in a quoted list separate CPUs',
    before: 'a blank between two numbers makes the list unreadable',
    since: [5, 2],
    reference: 'lib/bitmap.c: bitmap_parselist, "lib: rework bitmap_parselist"',
  },
  presentCpuKept: {
    does: 'the boot CPU is not isolated when no other present CPU would be left',
    before: 'only when no other possible CPU would be left, and its tick may stop then',
    since: [5, 2],
    rhel: {8: RHEL_8_2},
    reference: 'kernel/sched/isolation.c: housekeeping_setup, commit 9219565aa890',
  },
  bootTickByConfig: {
    does: 'the tick of the boot CPU may stop if the kernel cannot suspend (PM_SLEEP_SMP)',
    before: 'the tick of the boot CPU never stops',
    since: [5, 2],
    reference: 'kernel/time/tick-sched.c: tick_nohz_init; not in 5.0, in 5.4',
  },
  managedIrqFlag: {
    does: 'isolcpus= has the flag managed_irq',
    before: 'isolcpus= with managed_irq is an unknown flag',
    since: [5, 6],
    rhel: {8: RHEL_8_2},
    reference: 'kernel/sched/isolation.c: housekeeping_isolcpus_setup, commit 11ea68f553e2',
  },
  unknownFlagsSkipped: {
    does: 'isolcpus= skips a flag that it does not know, and the rest has its effect',
    before: 'all of isolcpus= is dropped because of an unknown flag',
    since: [5, 8],
    rhel: {8: false},
    reference: 'kernel/sched/isolation.c: housekeeping_isolcpus_setup, commit 3662daf02350',
  },
  emptyListTaken: {
    does: 'an empty list is taken, so that a later list for the same purpose is dropped',
    before: 'an empty list is dropped',
    since: [5, 13],
    rhel: {8: false},
    reference: 'kernel/sched/isolation.c: housekeeping_setup; not in 5.10, in 5.15',
  },
  lastCpuByName: {
    does: '"N" in a list is the last CPU',
    before: 'a list with "N" cannot be read',
    since: [5, 13],
    reference: 'lib/bitmap.c: bitmap_getnum, "lib: bitmap: support \\"N\\" as an alias for size of bitmap"',
  },
  allCpusByName: {
    does: '"all" in a list is every CPU',
    before: 'a list with "all" cannot be read; rcu_nocbs=all is known since 5.1',
    since: [5, 14],
    reference: 'lib/bitmap.c: bitmap_parse_region, "bitmap_parse: Support \'all\' semantics"',
  },
  rcuWithoutList: {
    does: 'rcu_nocbs without a list offloads no CPU at boot, and takes back an earlier list',
    before: 'rcu_nocbs without a list is no argument of the kernel',
    since: [5, 17],
    // "rcu: Backport upstream RCU related commits up to v5.17"
    rhel: {9: 79},
    reference:
      'kernel/rcu/tree_nocb.h: rcu_nocb_setup, "rcu/nocb: Allow empty \\"rcu_nocbs\\" kernel parameter"',
  },
  listPerPurpose: {
    does: 'lists for different purposes may differ',
    before: 'a list that differs from the first one is dropped, also for another purpose',
    since: [5, 18],
    rhel: {8: false, 9: 88},
    reference:
      'kernel/sched/isolation.c: housekeeping_setup, "sched/isolation: Split housekeeping cpumask per isolation features"',
  },
  emptyListDropped: {
    does: 'an empty list is dropped again, and maxcpus= counts when a housekeeping CPU is looked for',
    before: 'maxcpus= does not count',
    since: [6, 10],
    stable: ['6.1'],
    rhel: {9: 'unknown'},
    reference:
      'kernel/sched/isolation.c: housekeeping_setup, "sched/isolation: Fix boot crash when maxcpus < first housekeeping CPU"; in 6.1.192',
  },
  nohzIsNohzFull: {
    does: 'isolcpus=nohz is the same as nohz_full=',
    before: 'isolcpus=nohz stops the tick only, and unbound work stays',
    since: [6, 14],
    rhel: {9: 'unknown', 10: 'unknown'},
    reference:
      'kernel/sched/isolation.c: housekeeping_isolcpus_setup, "sched/isolation: Make isolcpus=nohz equivalent to nohz_full"',
  },
  commonCpuNeeded: {
    does: 'the second of isolcpus= and nohz_full= is dropped if no present CPU is in neither of them',
    before: 'both are taken, and unbound work has no CPU',
    since: [6, 19],
    rhel: {9: 'unknown', 10: 'unknown'},
    reference:
      'kernel/sched/isolation.c: housekeeping_setup, "sched/isolation: Force housekeeping if isolcpus and nohz_full don\'t leave any"; in 7.3',
  },
} as const satisfies Record<string, RuleRow>

/** Which of the rules a kernel has. */
export type KernelRules = ListRules & Readonly<Record<keyof typeof KERNEL_RULES, boolean>>

/** The kernel on which a release of RHEL is based, and its relatives (CentOS, Rocky, Alma). */
const RHEL_BASE: Readonly<Record<string, string>> = {8: '4.18', 9: '5.14', 10: '6.12'}

/**
 * The rules of one kernel. `backported` is the answer for rules of which it is not known whether RHEL
 * has them. Pure.
 */
export function rulesOf(kernel: KernelVersion, backported = false): KernelRules {
  const {major, minor, release} = kernel
  const [, build, rhel = ''] = /^[\d.]+-(\d+)\S*\.el(\d+)/.exec(release) ?? []
  // Kernels of other versions are built for RHEL too: those of ELRepo and of Oracle (UEK).
  const based = RHEL_BASE[rhel] === `${major}.${minor}`
  const has = ({since, stable, rhel: backports}: RuleRow): boolean => {
    const known = based ? backports?.[Number(rhel)] : undefined
    if (known === 'unknown') return backported
    if (typeof known === 'number') return Number(build) >= known
    if (typeof known === 'object') return backported || Number(build) >= known.surely
    return known ?? (isAtLeast(kernel, since) || stable?.includes(`${major}.${minor}`) === true)
  }
  return Object.fromEntries(
    Object.entries(KERNEL_RULES).map(([name, row]) => [name, has(row)]),
  ) as unknown as KernelRules
}

const isAtLeast = ({major, minor}: KernelVersion, [wantedMajor, wantedMinor]: RuleRow['since']) =>
  major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)

/** The version from which mainline kernels have a rule: "5.18". Pure. */
export const sinceOf = (rule: keyof KernelRules): string => KERNEL_RULES[rule].since.join('.')

const mainline = ([major, minor]: RuleRow['since']): KernelVersion => ({
  release: `${major}.${minor}`,
  major,
  minor,
})

/** The first and the last version whose source was read. */
const OLDEST = [4, 18] as const
export const NEWEST_KERNEL = mainline([7, 3])
export const OLDEST_KERNEL = mainline(OLDEST)

/** Whether the table says nothing about a kernel: it is older than all whose source was read. Pure. */
export const isTooOld = (kernel: KernelVersion): boolean => !isAtLeast(kernel, OLDEST)

/** One kernel of each set of rules, oldest first: those among which an unknown kernel may be. */
const EVERY_KERNEL: readonly KernelVersion[] = [
  OLDEST_KERNEL,
  ...Object.values(KERNEL_RULES).map(({since}) => mainline(since)),
]

/**
 * The sets of rules that a kernel may have: one, if all is known about it. None for a kernel that is
 * older than the table. Pure.
 */
export function possibleRules(kernel: KernelVersion | undefined): readonly KernelRules[] {
  if (kernel === undefined) return EVERY_KERNEL.map((each) => rulesOf(each))
  if (isTooOld(kernel)) return []
  const [least, most] = [rulesOf(kernel), rulesOf(kernel, true)]
  return JSON.stringify(least) === JSON.stringify(most) ? [least] : [least, most]
}
