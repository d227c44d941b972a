// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {type Owner, ownerOf} from '../model/owner.ts'
import {isMeantGroup, type Meant} from '../model/workload.ts'
import {defineFact, readInteger} from './fact.ts'
import {settings} from './settings.ts'
import {type Task, tasks} from './tasks.ts'

/** A process that was placed on isolated CPUs: one of its threads has a mask with some of them. */
export interface Program {
  readonly pid: number
  /** Its cgroup below the root of the hierarchy; absent when it is not known. */
  readonly cgroup?: string
  readonly owner?: Owner
  /** The config declares it as workload. */
  readonly meant: boolean
}

/**
 * The processes with a thread whose affinity includes isolated CPUs and not every CPU, by pid. A
 * file about a program that cannot be read leaves it without an owner, and not declared.
 */
export const programs = defineFact<ReadonlyMap<number, Program>>('programs', async (host, get) => {
  const {isolated, housekeeping, workload = []} = await get(settings)
  const whole = isolated.union(housekeeping)
  const placed = (await get(tasks)).filter(({kernel, allowed}) => !kernel && !whole.isSubsetOf(allowed))
  const pids = new Map(placed.map((task) => [task.pid, task]))
  const files = await pidsIn(host, workload)
  const pods = workload.some(({by}) => by === 'pod') ? await get(podUids) : new Map<string, string>()
  const found = new Map<number, Program>()
  for (const [pid, task] of pids) {
    const cgroup = await cgroupOf(host, pid)
    const owner = cgroup === undefined ? undefined : ownerOf(cgroup)
    let meant = files.has(pid)
    for (const each of workload)
      meant ||=
        each.by === 'command'
          ? await runs(host, task, each.name)
          : cgroup !== undefined && isMeantGroup(cgroup, each, pods)
    found.set(pid, {
      pid,
      ...(cgroup === undefined ? {} : {cgroup}),
      ...(owner === undefined ? {} : {owner}),
      meant,
    })
  }
  return found
})

/** The thread ids of the programs that the config declares as workload. */
export const meantThreads = defineFact<ReadonlySet<number>>('meant-threads', async (_host, get) => {
  if (((await get(settings)).workload ?? []).length === 0) return new Set()
  const found = await get(programs)
  return new Set((await get(tasks)).filter(({pid}) => found.get(pid)?.meant).map(({tid}) => tid))
})

/**
 * The uids of the pods on this node by "namespace/name": the kubelet keeps the logs of a pod in
 * /var/log/pods/NAMESPACE_NAME_UID.
 */
export const podUids = defineFact<ReadonlyMap<string, string>>('pod-uids', async (host) => {
  const names = await host.list('/var/log/pods')
  return new Map(
    names.flatMap((each) => {
      const [namespace, name, uid] = each.split('_')
      return namespace && name && uid ? [[`${namespace}/${name}`, uid] as const] : []
    }),
  )
})

/**
 * "0::/system.slice/dpdk.service" (cgroups(7)). With version 1, the group of the cpuset controller,
 * else that of systemd.
 */
async function cgroupOf(host: HostView, pid: number): Promise<string | undefined> {
  const text = await host.read(`/proc/${pid}/cgroup`).catch(() => undefined)
  const rows = (text ?? '').split('\n').map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line))
  // The kernel adds the word when the group was removed while the process is in it.
  const of = (wanted: (names: readonly string[]) => boolean) =>
    rows.find((row) => row !== null && wanted((row[1] ?? '').split(',')))?.[2]?.replace(/ \(deleted\)$/, '')
  return (
    of((names) => names.includes('cpuset')) ??
    of((names) => names.includes('name=systemd')) ??
    of((names) => names[0] === '')
  )
}

async function pidsIn(host: HostView, workload: readonly Meant[]): Promise<ReadonlySet<number>> {
  const pids = new Set<number>()
  for (const {by, name} of workload)
    if (by === 'pidFile') {
      const pid = await readInteger(host, name, {least: 1}).catch(() => undefined)
      if (pid !== undefined) pids.add(pid)
    }
  return pids
}

/** Whether a process was started by this command: its name, or the last part of its first argument. */
async function runs(host: HostView, {pid, tid, comm}: Task, command: string): Promise<boolean> {
  if (pid === tid && comm === command.slice(0, COMM_LENGTH)) return true
  const [first = ''] = ((await host.read(`/proc/${pid}/cmdline`).catch(() => undefined)) ?? '').split('\0')
  return first === command || first.split('/').at(-1) === command
}

/** The kernel cuts the name of a thread (include/linux/sched.h: TASK_COMM_LEN). */
const COMM_LENGTH = 15
