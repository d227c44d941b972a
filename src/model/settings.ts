// SPDX-License-Identifier: MIT
import type {CpuSet} from './cpuset.ts'
import type {Policy} from './policy.ts'
import type {Meant} from './workload.ts'

/** Which CPUs are to be quiet, and which keep the system running. Disjoint, both online, neither empty. */
export interface Target {
  readonly isolated: CpuSet
  readonly housekeeping: CpuSet
  /** CPUs that the boot arguments isolate and that are offline, or that the machine does not have. */
  readonly unavailable?: CpuSet
}

/**
 * Who takes isolated CPUs out of load balancing. static: isolcpus=domain at boot, for good. dynamic: a cpuset partition at
 * run time, which the kernel refuses over CPUs that isolcpus=domain holds.
 */
export const ISOLATIONS = ['static', 'dynamic'] as const
export type IsolationKind = (typeof ISOLATIONS)[number]

/** What the operator asked for: which CPUs, under which policy, watched for how long. */
export interface Settings extends Target {
  readonly policy: Policy
  /** How long measurements watch, in milliseconds. */
  readonly windowMs: number
  /** How isolation begins at boot; absent: static, and no arguments besides ours. */
  readonly boot?: {readonly isolation: IsolationKind; readonly extra: readonly string[]}
  /** Programs that are meant to run on isolated CPUs. */
  readonly workload?: readonly Meant[]
  /** PCI addresses of devices that programs are to drive themselves. */
  readonly devices?: readonly string[]
  /** Huge pages that programs need near the isolated CPUs: size in KiB to number. */
  readonly hugepages?: ReadonlyMap<number, number>
}
