// SPDX-License-Identifier: MIT
import {type HostView, tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, parsed, readText} from './fact.ts'

export const CGROUP = '/sys/fs/cgroup'
export const SUBTREE_CONTROL = `${CGROUP}/cgroup.subtree_control`
/** The cgroup of the isolated partition that isolctl creates. */
export const PARTITION = `${CGROUP}/isolctl`

export interface PartitionState {
  /** The kernel offers the cpuset controller in this hierarchy. */
  readonly cpuset: boolean
  /** The controller is enabled for the first level of cgroups. */
  readonly enabled: boolean
  readonly exists: boolean
  /** "isolated", or "isolated invalid (why)". Absent when isolctl's partition does not exist. */
  readonly partition?: string
  readonly cpus?: string
}

/**
 * Undefined when cgroup v2 is not mounted (Documentation/admin-guide/cgroup-v2.rst, "Cpuset
 * Interface Files").
 */
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

/** A cgroup with the cpuset controller enabled. */
export interface Cpuset {
  /** Below the root of the hierarchy: "/system.slice". */
  readonly path: string
  /** cpuset.cpus, the requested CPUs; empty: those of the parent. */
  readonly cpus: CpuSet
  /** The CPUs that its tasks may use. Absent when the file is not there, as in a partial capture. */
  readonly effective?: CpuSet
  /**
   * cpuset.cpus.partition: "member", "isolated", "isolated invalid (reason)". Absent in version 1.
   */
  readonly partition?: string
}

/**
 * The cgroup version that has the cpuset controller: 2 when the root has cgroup.controllers, 1 when
 * the cpuset controller has its own hierarchy, undefined when a running machine has neither
 * mounted.
 */
export const cgroupVersion = defineFact<1 | 2 | undefined>('cgroup-version', async (host) => {
  if ((await readText(host, `${CGROUP}/cgroup.controllers`)) !== undefined) return 2
  if ((await host.list(`${CGROUP}/cpuset`)).length > 0) return 1
  const second = (await host.list(CGROUP)).find((name) => SECOND.test(name))
  if (second !== undefined)
    throw new Error(`${CGROUP}/cgroup.controllers does not exist, and ${CGROUP}/${second} does`)
  if (tellsAbsence(host)) return undefined
  throw new Error(`no cgroup hierarchy with cpusets is mounted at ${CGROUP}`)
})

/** Names at the root of version 2 that version 1 has only below a controller. */
const SECOND = /^(cgroup\.(procs|subtree_control|events|max\..*)|cpuset\.cpus.*|.*\.(slice|scope))$/

/** Why the checks of partitions and of systemd's cpusets do not apply; undefined when they do. */
export const withoutVersion2 = (version: 1 | 2 | undefined): string | undefined =>
  version === undefined
    ? 'no cgroup hierarchy is mounted'
    : version === 1
      ? 'cgroup v1 has no partitions, and systemd does not set cpusets in it'
      : undefined

/**
 * All cgroups with the cpuset controller, parents first (Documentation/admin-guide/cgroup-v2.rst,
 * "Cpuset"). Children have its files only where their parent enables the controller, so the walk
 * stops at cgroups without them.
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

/**
 * Interface files of a cgroup: "cpuset.cpus", "cgroup.procs", "tasks". No cgroup can have such a
 * name.
 */
const INTERFACE =
  /^((cgroup|cpu|cpuset|cpuacct|io|memory|pids|rdma|misc|hugetlb|irq|dmem|net_cls|net_prio)\.|tasks$|notify_on_release$|release_agent$)/

async function readCpuset(host: HostView, root: string, path: string): Promise<Cpuset | undefined> {
  const read = async (name: string) => (await readText(host, `${root}${path}/${name}`))?.trim()
  const list = async (name: string) => {
    const text = await read(name)
    return text === undefined ? undefined : parsed(`${root}${path}/${name}`, text, CpuSet.printed)
  }
  const cpus = await list('cpuset.cpus')
  const effective = (await list('cpuset.cpus.effective')) ?? (await list('cpuset.effective_cpus'))
  const partition = await read('cpuset.cpus.partition')
  if (cpus === undefined && effective === undefined && partition === undefined) return undefined
  // The kernel makes the files of a controller together.
  if (cpus === undefined) throw new Error(`${root}${path}/cpuset.cpus does not exist`)
  const group = {path, cpus, ...(effective === undefined ? {} : {effective})}
  if (root !== CGROUP) return group
  if (partition === undefined) throw new Error(`${root}${path}/cpuset.cpus.partition does not exist`)
  if (!/^(member|root|isolated)( invalid( \(.*\))?)?$/.test(partition))
    throw new Error(
      `${root}${path}/cpuset.cpus.partition: not a kind of partition: "${partition.slice(0, 40)}"`,
    )
  return {...group, partition}
}
