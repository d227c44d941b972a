// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'

const ROOT = '/sys/fs/cgroup'
export const SUBTREE_CONTROL = `${ROOT}/cgroup.subtree_control`
/** The isolated partition that we make. */
export const PARTITION = `${ROOT}/isolctl`

export interface PartitionState {
  /** The kernel offers cpusets in this hierarchy. */
  readonly cpuset: boolean
  /** And its first level has them. */
  readonly enabled: boolean
  readonly exists: boolean
  /** "isolated", or "isolated invalid (why)". Absent while there is no partition of ours. */
  readonly partition?: string
  readonly cpus?: string
}

/** Undefined where cgroup v2 is not mounted (Documentation/admin-guide/cgroup-v2.rst, "Cpuset Interface Files"). */
export const partitionState = defineFact<PartitionState | undefined>('partition-state', async (host) => {
  const words = async (path: string) => (await host.read(path))?.trim().split(/\s+/)
  const controllers = await words(`${ROOT}/cgroup.controllers`)
  if (controllers === undefined) return undefined
  const enabled = (await words(SUBTREE_CONTROL)) ?? []
  const partition = (await host.read(`${PARTITION}/cpuset.cpus.partition`))?.trim()
  const cpus = (await host.read(`${PARTITION}/cpuset.cpus`))?.trim()
  return {
    cpuset: controllers.includes('cpuset'),
    enabled: enabled.includes('cpuset'),
    exists: await host.isFolder(PARTITION),
    ...(partition === undefined ? {} : {partition}),
    ...(cpus === undefined ? {} : {cpus}),
  }
})
