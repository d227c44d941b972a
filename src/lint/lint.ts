// SPDX-License-Identifier: MIT
import {bootLimits} from '../boot/boot-limits.ts'
import {parseCmdline, trimBlanks} from '../boot/cmdline.ts'
import {COMMAND_LINE_LIMITS} from '../boot/command-line-limit.ts'
import {type Isolation, isolationOf} from '../boot/isolation.ts'
import {tickKeepers} from '../boot/tick-keepers.ts'
import bootCpuNotIsolated from '../checks/boot-cpu-not-isolated.ts'
import type {Check} from '../checks/check.ts'
import housekeepingIntersect from '../checks/housekeeping-intersect.ts'
import housekeepingMinimum from '../checks/housekeeping-minimum.ts'
import irqaffinityEffective from '../checks/irqaffinity-effective.ts'
import isolcpusEffective from '../checks/isolcpus-effective.ts'
import isolcpusNohzTrap from '../checks/isolcpus-nohz-trap.ts'
import nohzFullEffective from '../checks/nohz-full-effective.ts'
import {TEXT_CHECKS} from '../checks/registry.ts'
import {type Result, runChecks} from '../checks/run.ts'
import {cmdline} from '../facts/cmdline.ts'
import {commandLineSize} from '../facts/command-line-limit.ts'
import {bootIsolated, nohzFull, online, possible, present} from '../facts/cpus.ts'
import {partitioned} from '../facts/cpuset-partitions.ts'
import {gatherer, given} from '../facts/fact.ts'
import {irqDefault} from '../facts/irqs.ts'
import {type Kernel, kernel} from '../facts/kernel.ts'
import {nodes} from '../facts/nodes.ts'
import {settings} from '../facts/settings.ts'
import {memoryHost} from '../host/memory.ts'
import {UserError} from '../lib/errors.ts'
import {CpuSet} from '../model/cpuset.ts'

/** Checks of their effect, whose facts are computed from the arguments. */
const EFFECT: readonly Check[] = [
  bootCpuNotIsolated,
  housekeepingIntersect,
  isolcpusNohzTrap,
  isolcpusEffective,
  nohzFullEffective,
  irqaffinityEffective,
  housekeepingMinimum,
]

/** Boot arguments do not name their architecture. This is the limit of x86 and arm64. */
const LIMIT = COMMAND_LINE_LIMITS.x86_64

export interface Boot {
  readonly text: string
  /** The number of CPUs of the machine. They are numbered from 0. */
  readonly cpus: number
  readonly kernel: Kernel
  /** The CPUs to isolate. Default: those that these arguments isolate. */
  readonly isolated?: CpuSet | undefined
}

export interface Linted {
  readonly isolation: Isolation
  readonly isolated: CpuSet
  /** Another argument keeps the tick on every CPU. */
  readonly ticking: boolean
  readonly results: readonly Result[]
}

/**
 * Judge boot arguments with the checks that judge a machine. The facts are computed from the
 * arguments instead of read from a kernel that was booted with them. The text is judged first: where
 * it has no fault and isolates no CPU, there is nothing more to judge, and it throws UserError. So it
 * does if named CPUs do not exist, or leave no housekeeping CPU.
 */
export async function lintBoot(boot: Boot): Promise<Linted> {
  const all = below(boot.cpus)
  // The kernel reads only the part within the limit. The check of the length gets the whole text.
  const text = trimBlanks(boot.text)
  const read = Buffer.from(text)
    .subarray(0, LIMIT - 1)
    .toString()
  const args = parseCmdline(read)
  const isolation = isolationOf(args, {count: boot.cpus, kernel: boot.kernel})
  const {count, started} = bootLimits(args, {count: boot.cpus})
  const there = below(count)
  const isolated =
    boot.isolated ??
    isolation.domain.union(isolation.nohzFull).union(isolation.unbound).union(isolation.managedIrq)
  const housekeeping = all.minus(isolated)
  requireTarget({isolated, housekeeping, all, named: boot.isolated !== undefined})
  const affinity = isolation.irqDefault ?? there
  const get = gatherer(memoryHost({}), [
    given(cmdline, {...args, text}),
    given(commandLineSize, LIMIT),
    given(kernel, boot.kernel),
    ...[possible, present].map((fact) => given(fact, there)),
    given(online, there.intersect(below(Math.max(1, Math.min(started, count))))),
    given(bootIsolated, isolation.domain),
    given(nohzFull, isolation.nohzFull),
    given(partitioned, CpuSet.empty),
    given(nodes, new Map([[0, there]])),
    given(irqDefault, {affinity, text: affinity.toMask()}),
    given(settings, {isolated, housekeeping, policy: {kind: 'other'}, windowMs: 0}),
  ])
  const results: Result[] = []
  const judged = async (checks: readonly Check[]) => {
    for await (const result of runChecks(checks, get, {clock: () => 0})) results.push(result)
  }
  await judged(TEXT_CHECKS)
  if (!isolated.isEmpty) await judged(EFFECT)
  else if (results.every(({status}) => status === 'ok' || status === 'skip'))
    throw new UserError('these boot arguments isolate no CPU', {
      code: 'no-isolated',
      help: 'name the CPUs that are to be isolated: --isolated 2-3',
    })
  return {isolation, isolated, ticking: tickKeepers(args).length > 0, results}
}

const below = (count: number) => CpuSet.from(Array.from({length: count}, (_, cpu) => cpu))

function requireTarget({
  isolated,
  housekeeping,
  all,
  named,
}: {
  readonly isolated: CpuSet
  readonly housekeeping: CpuSet
  readonly all: CpuSet
  /** The caller named the CPUs to isolate. */
  readonly named: boolean
}): void {
  const missing = isolated.minus(all)
  if (!missing.isEmpty)
    throw new UserError(`CPU ${missing} does not exist on a machine with CPUs ${all}`, {
      code: 'cpu-not-online',
      help: 'correct --isolated or --cpus',
    })
  if (named && housekeeping.isEmpty)
    throw new UserError(`isolating ${isolated} leaves no housekeeping CPU`, {code: 'no-housekeeping'})
}
