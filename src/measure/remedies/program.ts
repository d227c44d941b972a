// SPDX-License-Identifier: MIT
import {isPollMode} from '../../facts/open-vswitch.ts'
import type {Listed} from '../../facts/tasks.ts'
import type {CpuSet} from '../../model/cpuset.ts'
import type {Remedy} from '../../model/finding.ts'
import {type Owner, ownerRemedy} from '../../model/owner.ts'

/** Who decides where a program runs. */
export interface Placement {
  readonly owner: Owner | undefined
  /** The CPUs of pmd-cpu-mask; undefined where Open vSwitch has none. */
  readonly pmdCpus: CpuSet | undefined
  readonly housekeeping: CpuSet
}

/**
 * How to keep a program off the isolated CPUs: through its owner, which would otherwise place it
 * there again. Pure.
 */
export function programRemedy(
  {tid, comm}: Pick<Listed, 'tid' | 'comm'>,
  {owner, pmdCpus, housekeeping}: Placement,
): Remedy {
  if (isPollMode(comm))
    return {
      text: `Open vSwitch places it by pmd-cpu-mask${pmdCpus === undefined ? '' : ` (${pmdCpus})`}: change the mask, or declare "command: ovs-vswitchd" under workload: in the config, if it is meant to run there`,
      command: `ovs-vsctl set Open_vSwitch . other_config:pmd-cpu-mask=0x${housekeeping.toMask().replaceAll(',', '')}`,
    }
  return owner === undefined
    ? {
        text: 'move it to the housekeeping CPUs, or declare it under workload: in the config, if it is meant to run there',
        command: `taskset -cp ${housekeeping} ${tid}`,
      }
    : ownerRemedy(owner, `${housekeeping}`)
}
