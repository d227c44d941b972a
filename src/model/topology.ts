// SPDX-License-Identifier: MIT
import type {CpuSet} from './cpuset.ts'

/**
 * One CPU and its place in the machine (Documentation/ABI/stable/sysfs-devices-system-cpu). What
 * the kernel does not report is absent.
 */
export interface Cpu {
  readonly cpu: number
  readonly online: boolean
  /**
   * physical_package_id, or a number that isolctl gives where the kernel has none, or where sockets
   * of different books have the same one (s390).
   */
  readonly socket?: number
  /** book_id and drawer_id of s390: a drawer has books, a book has sockets. */
  readonly book?: number
  readonly drawer?: number
  readonly node?: number
  /** core_id: unique only within its socket, and not always there. */
  readonly core?: number
  /**
   * The CPUs of the same core, including this one; more than one with SMT. Absent when the CPU is
   * offline.
   */
  readonly siblings?: CpuSet
}

/** The CPUs that share something with one CPU, including it. What is not known is absent. */
export interface Sharing {
  readonly l2?: CpuSet
  readonly l3?: CpuSet
  /** Cores that share an L2 cache, an L3 tag or a bus, below the socket (cluster_cpus_list). */
  readonly cluster?: CpuSet
}

/** The faster and the slower cores of a machine that has both kinds. */
export interface CoreKinds {
  readonly performance: CpuSet
  readonly efficient: CpuSet
}
