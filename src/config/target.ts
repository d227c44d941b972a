// SPDX-License-Identifier: MIT

import {UserError} from '../lib/errors.ts'
import type {CpuSet} from '../model/cpuset.ts'
import type {Target} from '../model/settings.ts'
import type {ConfiguredSets} from './sets.ts'

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
 * overrides the boot arguments. Throws UserError. Pure.
 */
export function resolveTarget({flag, config, online, booted}: TargetSources): Target {
  const isolated = flag ?? config.isolated ?? booted
  if (isolated.isEmpty)
    throw new UserError(
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
    throw new UserError(`CPU ${missing} is not online; this machine has ${online}`, {
      code: 'cpu-not-online',
      help: `choose isolated CPUs from ${online}`,
    })
  if (isolated.has(0))
    throw new UserError('CPU 0 cannot be isolated', {
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
