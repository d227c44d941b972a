// SPDX-License-Identifier: MIT
import {parseCmdline} from '../boot/cmdline.ts'
import {COMMAND_LINE_LIMITS} from '../boot/command-line-limit.ts'
import {type Isolation, isolationOf} from '../boot/isolation.ts'
import bootCpuNotIsolated from '../checks/boot-cpu-not-isolated.ts'
import type {Check} from '../checks/check.ts'
import cmdlineDuplicates from '../checks/cmdline-duplicates.ts'
import cmdlineMisread from '../checks/cmdline-misread.ts'
import cmdlineQuoting from '../checks/cmdline-quoting.ts'
import housekeepingIntersect from '../checks/housekeeping-intersect.ts'
import housekeepingMinimum from '../checks/housekeeping-minimum.ts'
import irqaffinityEffective from '../checks/irqaffinity-effective.ts'
import isolcpusEffective from '../checks/isolcpus-effective.ts'
import isolcpusNohzTrap from '../checks/isolcpus-nohz-trap.ts'
import nohzFullEffective from '../checks/nohz-full-effective.ts'
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

/** Checks of the text of the arguments. */
const TEXT: readonly Check[] = [cmdlineMisread, cmdlineDuplicates, cmdlineQuoting]
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
  readonly results: readonly Result[]
}

/**
 * Judge boot arguments with the checks that judge a machine. The facts are computed from the
 * arguments instead of read from a kernel that was booted with them. Throws UserError if there are
 * no isolated or no housekeeping CPUs to judge.
 */
export async function lintBoot(boot: Boot): Promise<Linted> {
  const all = CpuSet.from(Array.from({length: boot.cpus}, (_, cpu) => cpu))
  // The kernel reads only the part within the limit. The check of the length gets the whole text.
  const read = Buffer.from(boot.text.trim())
    .subarray(0, LIMIT - 1)
    .toString()
  const args = parseCmdline(read)
  const isolation = isolationOf(args, {count: boot.cpus})
  const isolated = boot.isolated ?? isolation.domain.union(isolation.nohzFull).union(isolation.unbound)
  const housekeeping = all.minus(isolated)
  requireTarget({isolated, housekeeping, all, named: boot.isolated !== undefined, isolation})
  const affinity = isolation.irqDefault ?? all
  const get = gatherer(memoryHost({}), [
    given(cmdline, {...args, text: boot.text.trim()}),
    given(commandLineSize, LIMIT),
    given(kernel, boot.kernel),
    ...[possible, present, online].map((fact) => given(fact, all)),
    given(bootIsolated, isolation.domain),
    given(nohzFull, isolation.nohzFull),
    given(partitioned, CpuSet.empty),
    given(nodes, new Map([[0, all]])),
    given(irqDefault, {affinity, text: affinity.toMask()}),
    given(settings, {isolated, housekeeping, policy: {kind: 'other'}, windowMs: 0}),
  ])
  const results: Result[] = []
  const checks = isolated.isEmpty ? TEXT : [...TEXT, ...EFFECT]
  for await (const result of runChecks(checks, get, {clock: () => 0})) results.push(result)
  return {isolation, isolated, results}
}

function requireTarget({
  isolated,
  housekeeping,
  all,
  named,
  isolation,
}: {
  readonly isolated: CpuSet
  readonly housekeeping: CpuSet
  readonly all: CpuSet
  /** The caller named the CPUs to isolate. */
  readonly named: boolean
  readonly isolation: Isolation
}): void {
  const missing = isolated.minus(all)
  if (!missing.isEmpty)
    throw new UserError(`CPU ${missing} does not exist on a machine with CPUs ${all}`, {
      code: 'cpu-not-online',
      help: 'correct --isolated or --cpus',
    })
  if (named && housekeeping.isEmpty)
    throw new UserError(`isolating ${isolated} leaves no housekeeping CPU`, {code: 'no-housekeeping'})
  if (isolated.isEmpty && isolation.refused.length === 0 && !named)
    throw new UserError('these boot arguments isolate no CPU', {
      code: 'no-isolated',
      help: 'name the CPUs that are to be isolated: --isolated 2-3',
    })
}
