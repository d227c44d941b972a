// SPDX-License-Identifier: MIT
import type {CpuSet} from './cpuset.ts'

/** One CPU and where it sits (Documentation/ABI/stable/sysfs-devices-system-cpu). What the kernel does not tell is absent. */
export interface Cpu {
  readonly cpu: number
  readonly online: boolean
  /** physical_package_id. */
  readonly socket?: number
  readonly node?: number
  /** core_id: unique within its socket at best. */
  readonly core?: number
  /** The CPUs of the same core, itself included; more than one: SMT. An offline CPU has none. */
  readonly siblings?: CpuSet
}

/** The faster and the slower cores of a machine that has both. */
export interface CoreKinds {
  readonly performance: CpuSet
  readonly efficient: CpuSet
}
