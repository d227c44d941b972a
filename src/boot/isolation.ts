// SPDX-License-Identifier: MIT

import {CpuSet} from '../model/cpuset.ts'
import {parseKernelList} from '../model/kernel-list.ts'
import {bootLimits} from './boot-limits.ts'
import {type Cmdline, parseCmdline, textAfterWord} from './cmdline.ts'
import {type KernelRules, type KernelVersion, possibleRules, rulesOf, sinceOf} from './kernel-rules.ts'

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
  /** The kernel that parses them. */
  readonly kernel: KernelVersion
}

/** An argument that the kernel does not read as it is written. */
export interface Refusal {
  readonly text: string
  readonly reason: string
  /** Whether the argument has no effect at all. */
  readonly dropped: boolean
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
  readonly refused: readonly Refusal[]
}

type Purpose = 'domain' | 'managed_irq' | 'tick' | 'unbound'

/**
 * The kernel's rules in the kernel's order: kernel/sched/isolation.c (housekeeping_setup),
 * kernel/rcu/tree_nocb.h, kernel/irq/irqdesc.c, kernel/time/tick-sched.c. What differs between
 * versions is in kernel-rules.ts. A test compiles these functions of several versions and compares
 * the result with random command lines; the lab tests compare it with a booted kernel.
 *
 * Where the configuration of the kernel matters, the result is that of distribution kernels
 * (CONFIG_CPUMASK_OFFSTACK=y, CONFIG_NO_HZ_FULL=y). Pure.
 */
export function isolationOf(line: Cmdline | string, {kernel, ...cpus}: BootCpus): Isolation {
  return isolationBy(rulesOf(kernel), line, cpus)
}

/**
 * The result for each set of rules that the kernel may have (possibleRules): empty for a kernel
 * that is older than the table. Pure.
 */
export const possibleIsolations = (
  line: Cmdline | string,
  {kernel, ...cpus}: BootCpus,
): readonly Isolation[] => possibleRules(kernel).map((rules) => isolationBy(rules, line, cpus))

function isolationBy(rules: KernelRules, line: Cmdline | string, cpus: Omit<BootCpus, 'kernel'>): Isolation {
  const cmdline = typeof line === 'string' ? parseCmdline(line) : line
  const {count, present, started} = bootLimits(cmdline, cpus)
  const possible = CpuSet.from(Array.from({length: count}, (_, cpu) => cpu))
  const boot = CpuSet.of(0)
  /** The CPUs that are free of each kind of work: the complement of the kernel's masks. */
  const quiet = new Map<Purpose, CpuSet>()
  /** What housekeeping_setup() compares later lists with. It contains all that was given. */
  let tick: CpuSet | undefined
  const refused: Refusal[] = []
  let nocb: CpuSet | undefined
  let irqDefault: CpuSet | undefined

  /** housekeeping_setup(): returns the reason when the kernel drops the whole argument. */
  const setup = (list: string, purposes: readonly Purpose[]): string | undefined => {
    const parsed = parseKernelList(list, count, rules)
    if (parsed.error !== undefined) return parsed.error
    const {masked, stopped} = withoutBootCpu(parsed.cpus, {
      possible,
      present,
      started,
      rules,
      first: quiet.size === 0,
    })
    if (rules.emptyListDropped ? stopped.isEmpty : !rules.emptyListTaken && parsed.cpus.isEmpty)
      return 'it contains no CPU that can be isolated'
    const clash = rules.listPerPurpose
      ? purposes.find((purpose) => quiet.get(purpose)?.equals(masked) === false)
      : [...quiet.keys()].find((purpose) => quiet.get(purpose)?.equals(masked) === false)
    if (clash !== undefined)
      return rules.listPerPurpose || purposes.includes(clash)
        ? `an earlier argument sets other CPUs for the same purpose (${clash})`
        : `an earlier argument sets other CPUs, and a kernel before ${sinceOf('listPerPurpose')} takes only one list`
    if (rules.commonCpuNeeded && leavesNone(quiet, {purposes, masked, present, started}))
      return 'with an earlier argument, no CPU is left for unbound work'
    for (const purpose of purposes) quiet.set(purpose, masked)
    if (purposes.includes('tick')) tick ??= stopped
    return undefined
  }

  for (const [index, {name, value, text}] of cmdline.args.entries()) {
    const drop = (reason: string | undefined) => {
      if (reason !== undefined) refused.push({text, reason, dropped: true})
    }
    if (value === undefined && LISTS.has(name) && !(name === 'rcu_nocbs' && rules.rcuWithoutList))
      drop('it has no list')
    else if (name === 'nohz_full') drop(setup(value ?? '', ['tick', 'unbound']))
    else if (name === 'isolcpus') {
      const read = isolcpusFlags(value ?? '', {
        rules,
        after: () => (text.endsWith(`=${value}`) ? textAfterWord(cmdline, index) : ''),
      })
      if ('error' in read) drop(read.error)
      else {
        drop(setup(read.list, read.purposes))
        for (const reason of read.remarks) refused.push({text, reason, dropped: false})
      }
    } else if (
      name.startsWith('rcu_nocbs') &&
      rules.rcuWithoutList &&
      (name !== 'rcu_nocbs' || value === undefined)
    ) {
      if (nocb !== undefined && !nocb.isEmpty)
        refused.push({text, reason: `it takes back an earlier rcu_nocbs=${nocb}`, dropped: false})
      nocb = CpuSet.empty
    } else if (name === 'rcu_nocbs') {
      const parsed = rcuList(value ?? '', count, rules)
      if (parsed.error !== undefined) refused.push({text, reason: parsed.error, dropped: false})
      else if (parsed.cpus.isEmpty && nocb?.isEmpty === false)
        refused.push({text, reason: `it takes back an earlier rcu_nocbs=${nocb}`, dropped: false})
      nocb = parsed.cpus
    } else if (name === 'irqaffinity') {
      const parsed = parseKernelList(value ?? '', count, rules)
      // The kernel keeps the CPUs before the error, and always adds the boot CPU.
      irqDefault = parsed.cpus.union(boot)
      if (parsed.error !== undefined)
        refused.push({text, reason: `${parsed.error}; it becomes ${irqDefault}`, dropped: false})
    }
  }
  const keepsTick = !rules.bootTickByConfig || (cpus.suspends ?? true)
  const nohzFull = (tick ?? CpuSet.empty).minus(keepsTick ? boot : CpuSet.empty)
  return {
    domain: quiet.get('domain') ?? CpuSet.empty,
    managedIrq: quiet.get('managed_irq') ?? CpuSet.empty,
    nohzFull,
    unbound: quiet.get('unbound') ?? CpuSet.empty,
    rcuNocbs: (nocb ?? CpuSet.empty).union(nohzFull),
    irqDefault,
    refused,
  }
}

/**
 * What a kernel would refuse: undefined if that is not known, because its version is not, or because
 * nothing says which rules of later versions it has. Pure.
 */
export function refusalsOf(
  cmdline: Cmdline,
  {kernel, ...cpus}: Omit<BootCpus, 'kernel'> & {readonly kernel?: KernelVersion | undefined},
): readonly Refusal[] | undefined {
  const answers = possibleRules(kernel).map((rules) => isolationBy(rules, cmdline, cpus).refused)
  const texts = new Set(answers.map((refused) => refused.map(({text}) => text).join(' ')))
  return texts.size === 1 ? answers.at(kernel === undefined ? -1 : 0) : undefined
}

const LISTS = new Set(['isolcpus', 'nohz_full', 'rcu_nocbs', 'irqaffinity'])

/**
 * The CPUs of a list without the boot CPU where no other housekeeping CPU would be left: `masked`
 * is the complement of the housekeeping mask, `stopped` are the CPUs whose tick may stop.
 */
function withoutBootCpu(
  list: CpuSet,
  {
    possible,
    present,
    started,
    rules,
    first,
  }: {
    readonly possible: CpuSet
    readonly present: CpuSet
    readonly started: number
    readonly rules: KernelRules
    /** No list was taken before. */
    readonly first: boolean
  },
): {readonly masked: CpuSet; readonly stopped: CpuSet} {
  const boot = CpuSet.of(0)
  if (!rules.presentCpuKept) {
    const none = first && possible.minus(list).isEmpty
    return {masked: none ? list.minus(boot) : list, stopped: list}
  }
  const [housekeeping] = present.minus(list)
  const missing = housekeeping === undefined || (rules.emptyListDropped && housekeeping >= started)
  const masked = missing ? list.minus(boot) : list
  return {masked, stopped: masked}
}

/** Whether no present CPU would be outside both isolcpus=domain and nohz_full=. */
function leavesNone(
  quiet: ReadonlyMap<Purpose, CpuSet>,
  {
    purposes,
    masked,
    present,
    started,
  }: {
    readonly purposes: readonly Purpose[]
    readonly masked: CpuSet
    readonly present: CpuSet
    readonly started: number
  },
): boolean {
  if (quiet.size === 0) return false
  // The kernel compares with one earlier mask: the first of these two types that is set.
  const earlier = quiet.get('domain') ?? quiet.get('tick')
  const compares = earlier !== undefined && purposes.some((purpose) => purpose !== 'managed_irq')
  const [common] = compares ? present.minus(masked).minus(earlier) : [0]
  return common === undefined || common >= started
}

/** The list of rcu_nocbs=, with the effect of an error. */
function rcuList(
  value: string,
  count: number,
  rules: KernelRules,
): {readonly cpus: CpuSet; readonly error?: string} {
  const all = CpuSet.from(Array.from({length: count}, (_, cpu) => cpu))
  if (rules.rcuErrorOffloadsAll && value.toLowerCase() === 'all') return {cpus: all}
  const {cpus, error} = parseKernelList(value, count, rules)
  if (error === undefined) return {cpus}
  return rules.rcuErrorOffloadsAll
    ? {cpus: all, error: `${error}; all CPUs are offloaded instead`}
    : {cpus, error: `${error}; the CPUs before it are offloaded: ${`${cpus}` || 'none'}`}
}

interface IsolcpusFlags {
  readonly purposes: readonly Purpose[]
  readonly list: string
  /** How the kernel reads it differently than it is written. */
  readonly remarks: readonly string[]
}

/**
 * housekeeping_isolcpus_setup(): the flags before the list. Since 5.8 the kernel skips an unknown
 * flag together with the character after it. Without a comma, that is the end of the argument, and
 * the kernel goes on with the next words of the command line, or nothing where it removed a quote.
 * `after` gives that text.
 */
function isolcpusFlags(
  value: string,
  {rules, after}: {readonly rules: KernelRules; after(): string},
): IsolcpusFlags | {readonly error: string} {
  const purposes: Purpose[] = []
  const remarks: string[] = []
  let rest = value
  let beyond = false
  while (ALPHA.test(rest)) {
    const end = rest.indexOf(',')
    const word = end === -1 ? rest : rest.slice(0, end)
    const known = end === -1 ? undefined : purposesOf(word, rules)
    if (known !== undefined) {
      purposes.push(...known)
      rest = rest.slice(end + 1)
      continue
    }
    if (!rules.unknownFlagsSkipped)
      return {
        error:
          word === 'managed_irq' && !rules.managedIrqFlag
            ? `a kernel before ${sinceOf('managedIrqFlag')} does not know managed_irq, and drops all of isolcpus=`
            : end === -1
              ? noCpuFollows(value)
              : `"${word}" is not a flag, and a kernel before ${sinceOf('unknownFlagsSkipped')} drops all of isolcpus=`,
      }
    if (!FLAG.test(word))
      return {
        error: beyond || end === -1 ? noCpuFollows(value) : `"${word}" is not a flag`,
      }
    if (end !== -1) remarks.push(`"${word}" is not a flag and is skipped`)
    if (end !== -1) rest = rest.slice(end + 1)
    else rest = beyond ? '' : after()
    beyond ||= end === -1
  }
  if (beyond && /^[\s,]*$/.test(rest)) {
    if (rules.emptyListDropped || !rules.emptyListTaken) return {error: noCpuFollows(value)}
    remarks.push(noCpuFollows(value))
  } else if (beyond) remarks.push(`no comma follows its flag: the kernel reads "${rest}" as the list`)
  return {purposes: purposes.length === 0 ? ['domain'] : purposes, list: rest, remarks}
}

/** isalpha() of the kernel is also true for the first byte of most characters of UTF-8. */
const ALPHA = /^[A-Za-z\u0080-\uffff]/
/** A character that a blank cut in half (U+FFFD) is a letter for the kernel. */
const FLAG = /^[A-Za-z_\ufffd]+$/
/** Why a value that ends in a word isolates nothing. */
function noCpuFollows(value: string): string {
  const word = value.split(',').at(-1) ?? ''
  return /^(?:nohz|domain|managed_irq)$/.test(word)
    ? `no comma and no list follow the flag ${word}`
    : `"${word}" is not a flag, and no CPU follows it`
}

/** Undefined: not a flag of isolcpus=. */
function purposesOf(flag: string, rules: KernelRules): readonly Purpose[] | undefined {
  if (flag === 'nohz') return rules.nohzIsNohzFull ? ['tick', 'unbound'] : ['tick']
  if (flag === 'domain') return ['domain']
  return flag === 'managed_irq' && rules.managedIrqFlag ? ['managed_irq'] : undefined
}
