// SPDX-License-Identifier: MIT
import type {CpuSet} from './cpuset.ts'

/**
 * One CPU and its place in the machine (Documentation/ABI/stable/sysfs-devices-system-cpu). What
 * the kernel does not report is absent.
 */
export interface Cpu {
  readonly cpu: number
  readonly online: boolean
  /** physical_package_id. */
  readonly socket?: number
  readonly node?: number
  /** core_id: unique only within its socket, and not always there. */
  readonly core?: number
  /**
   * The CPUs of the same core, including this one; more than one with SMT. Absent when the CPU is
   * offline.
   */
  readonly siblings?: CpuSet
}

/** The faster and the slower cores of a machine that has both kinds. */
export interface CoreKinds {
  readonly performance: CpuSet
  readonly efficient: CpuSet
}
