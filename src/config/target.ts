// SPDX-License-Identifier: MIT

import {UserError, type UserErrorOptions} from '../lib/errors.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Target} from '../model/settings.ts'
import type {ConfiguredSets} from './sets.ts'

/**
 * No target follows from what the boot arguments or the config list: no CPU, CPUs that are not online,
 * or CPU 0. A command that judges a machine can still judge that.
 */
export class NoTarget extends UserError {
  /** The CPUs that are listed. */
  readonly listed: CpuSet

  constructor(message: string, {listed, ...options}: UserErrorOptions & {readonly listed: CpuSet}) {
    super(message, options)
    this.listed = listed
  }
}

/** The sources of the target: what was requested, and what the machine has. */
export interface TargetSources {
  /** --cpus */
  readonly flag?: CpuSet | undefined
  readonly config: ConfiguredSets
  readonly online: CpuSet
  /** CPUs isolated by boot arguments: isolcpus= and nohz_full= together. */
  readonly booted: CpuSet
}

/**
 * The isolated and housekeeping CPUs. The command line overrides the config, and the config
 * overrides the boot arguments. Throws UserError, and NoTarget where --cpus is not the reason. Pure.
 */
export function resolveTarget({flag, config, online, booted}: TargetSources): Target {
  const isolated = flag ?? config.isolated ?? booted
  const refusal = (message: string, options: UserErrorOptions) =>
    flag === undefined
      ? new NoTarget(message, {...options, listed: isolated})
      : new UserError(message, options)
  if (isolated.isEmpty)
    throw refusal(
      'no CPU is isolated: neither the command line, the config nor the boot arguments give one',
      {
        code: 'no-isolated',
        help: 'choose CPUs with --cpus 2-3, or with "isolated: 2-3" in the config',
      },
    )
  const missing = isolated.minus(online)
  const asked = flag ?? config.isolated
  // What the boot arguments list is judged all the same: "4-N" lists each CPU that could be plugged
  // in, and a sibling may be offline. The check cpus-exist-online reports it.
  if (asked === undefined && !missing.isEmpty && !isolated.intersect(online).isEmpty) {
    const target = resolveTarget({flag, config, online, booted: booted.intersect(online)})
    return {...target, unavailable: missing}
  }
  if (!missing.isEmpty)
    throw refusal(`CPU ${missing} is not online; this machine has ${online}`, {
      code: 'cpu-not-online',
      help: `choose isolated CPUs from ${online}`,
    })
  // The kernel takes a list with CPU 0. The check boot-cpu-not-isolated reports it.
  if (asked === undefined && isolated.has(0) && isolated.size > 1)
    return resolveTarget({flag, config, online, booted: booted.minus(CpuSet.of(0))})
  if (isolated.has(0))
    throw refusal('CPU 0 cannot be isolated', {
      code: 'boot-cpu',
      help: 'the work of the boot CPU cannot be moved: choose other CPUs',
    })
  // --cpus overrides both keys of the config.
  const stated = flag === undefined ? config.housekeeping : undefined
  const shared = stated?.intersect(isolated)
  if (shared && !shared.isEmpty)
    throw new UserError(`CPU ${shared} is both isolated and housekeeping`, {
      code: 'overlap',
      help: 'correct "isolated" or "housekeeping" in the config',
    })
  const housekeeping = (stated ?? online).intersect(online).minus(isolated)
  if (housekeeping.isEmpty)
    throw new UserError(`isolating ${isolated} leaves no housekeeping CPU`, {
      code: 'no-housekeeping',
      help: 'leave at least CPU 0 for housekeeping',
    })
  return {isolated, housekeeping}
}
