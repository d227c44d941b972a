// SPDX-License-Identifier: MIT
import {type HostView, tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, parsed} from './fact.ts'

export const CGROUP = '/sys/fs/cgroup'
export const SUBTREE_CONTROL = `${CGROUP}/cgroup.subtree_control`
/** The isolated partition that we make. */
export const PARTITION = `${CGROUP}/isolctl`

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
  const controllers = await words(`${CGROUP}/cgroup.controllers`)
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

/** One control group in which the cpuset controller is on. */
export interface Cpuset {
  /** Below the root of the hierarchy: "/system.slice". */
  readonly path: string
  /** cpuset.cpus: what was asked for; empty: whatever the parent has. */
  readonly cpus: CpuSet
  /** What its tasks may use. */
  readonly effective: CpuSet
  /** cpuset.cpus.partition as it stands: "member", "isolated", "isolated invalid (reason)". Not in version 1. */
  readonly partition?: string
}

/**
 * Which version of control groups has the cpuset controller: 2 where the root says cgroup.controllers, 1 where there is a
 * hierarchy of its own; undefined on a running machine where neither is mounted.
 */
export const cgroupVersion = defineFact<1 | 2 | undefined>('cgroup-version', async (host) => {
  if ((await host.read(`${CGROUP}/cgroup.controllers`)) !== undefined) return 2
  if ((await host.list(`${CGROUP}/cpuset`)).length > 0) return 1
  if (tellsAbsence(host)) return undefined
  throw new Error(`no cgroup hierarchy with cpusets is mounted at ${CGROUP}`)
})

/** Why nothing about partitions or systemd's use of cpusets applies; undefined where it does. */
export const withoutVersion2 = (version: 1 | 2 | undefined): string | undefined =>
  version === undefined
    ? 'no control groups are mounted'
    : version === 1
      ? 'control groups of version 1 have no partitions, and systemd places no CPUs with them'
      : undefined

/**
 * Every group with cpusets, parents first (Documentation/admin-guide/cgroup-v2.rst, "Cpuset"). Only where a group turned
 * the controller on for its children do these have the files, so the walk ends early.
 */
export const cpusets = defineFact<readonly Cpuset[]>('cpusets', async (host, get) => {
  const version = await get(cgroupVersion)
  if (version === undefined) return []
  const root = version === 2 ? CGROUP : `${CGROUP}/cpuset`
  const found: Cpuset[] = []
  const open = ['']
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const name of await host.list(`${root}${path}`)) {
      if (INTERFACE.test(name)) continue
      const group = await readCpuset(host, root, `${path}/${name}`)
      if (group === undefined) continue
      found.push(group)
      open.push(group.path)
    }
  }
  return found
})

/** Files of a group: "cpuset.cpus", "cgroup.procs", "tasks"; nothing else in it can be a group of that name. */
const INTERFACE =
  /^((cgroup|cpu|cpuset|cpuacct|io|memory|pids|rdma|misc|hugetlb|irq|dmem|net_cls|net_prio)\.|tasks$|notify_on_release$|release_agent$)/

async function readCpuset(host: HostView, root: string, path: string): Promise<Cpuset | undefined> {
  const read = async (name: string) => (await host.read(`${root}${path}/${name}`))?.trim()
  const list = async (name: string) => {
    const text = await read(name)
    return text === undefined ? undefined : parsed(`${root}${path}/${name}`, text, CpuSet.parse)
  }
  const cpus = await list('cpuset.cpus')
  if (cpus === undefined) return undefined
  const effective = (await list('cpuset.cpus.effective')) ?? (await list('cpuset.effective_cpus')) ?? cpus
  const partition = await read('cpuset.cpus.partition')
  return {path, cpus, effective, ...(partition === undefined ? {} : {partition})}
}
