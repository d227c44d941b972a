// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, integer, mustRead, parsed, readText} from './fact.ts'

/** Bit numbers in CapEff (include/uapi/linux/capability.h). */
const CAPABILITIES = {ipcLock: 14, sysPtrace: 19, sysNice: 23} as const

/** The privileges of this process, which the launched program inherits. */
export interface Privileges {
  readonly ipcLock: boolean
  readonly sysPtrace: boolean
  readonly sysNice: boolean
  /** Soft RLIMIT_MEMLOCK in bytes; Infinity when unlimited. */
  readonly memlock: number
  /** Soft RLIMIT_RTPRIO: the highest real-time priority without CAP_SYS_NICE. */
  readonly rtprio: number
}

export const privileges = defineFact<Privileges>('privileges', async (host) => {
  const limits = await host.read('/proc/self/limits')
  if (limits === undefined) throw new Error('/proc/self/limits does not exist')
  const status = await mustRead(host, '/proc/self/status')
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  if (effective === undefined) throw new Error('/proc/self/status has no line "CapEff"')
  const has = (bit: number) => ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) === 1n
  return {
    ipcLock: has(CAPABILITIES.ipcLock),
    sysPtrace: has(CAPABILITIES.sysPtrace),
    sysNice: has(CAPABILITIES.sysNice),
    memlock: softLimit(limits, 'Max locked memory'),
    rtprio: softLimit(limits, 'Max realtime priority'),
  }
})

function softLimit(limits: string, name: string): number {
  const soft = limits
    .split('\n')
    .find((line) => line.startsWith(name))
    ?.slice(name.length)
    .trim()
    .split(/\s+/)[0]
  if (soft === undefined) throw new Error(`/proc/self/limits has no line "${name}"`)
  return soft === 'unlimited'
    ? Number.POSITIVE_INFINITY
    : parsed('/proc/self/limits', soft, (number) => integer(number))
}

/** The process ids of this process and of its ancestors, as far as they are visible. */
export const callers = defineFact<ReadonlySet<number>>('callers', async (host) => {
  const found = new Set<number>()
  for (let pid = process.pid; pid > 1 && !found.has(pid); ) {
    found.add(pid)
    const status = (await host.read(`/proc/${pid}/status`)) ?? ''
    pid = Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0)
  }
  return found
})

/** A limit on CPU time that applies to this process, and its cgroup. */
export interface Quota {
  readonly cgroup: string
  readonly quotaUs: number
  readonly periodUs: number
}

/**
 * The first CFS bandwidth quota between this process's cgroup and the root; undefined when there is
 * none (Documentation/admin-guide/cgroup-v2.rst, cpu.max; v1: cpu.cfs_quota_us, -1 for none). It
 * throttles SCHED_OTHER only.
 */
export const cpuQuota = defineFact<Quota | undefined>('cpu-quota', async (host) => {
  for (const {folder, path} of await cgroupsAbove(host, 'cpu')) {
    const [quota, period] = (await readText(host, `${folder}/cpu.max`))?.trim().split(' ') ?? [
      (await readText(host, `${folder}/cpu.cfs_quota_us`))?.trim(),
      (await readText(host, `${folder}/cpu.cfs_period_us`))?.trim(),
    ]
    if (quota === undefined || period === undefined || quota === 'max') continue
    const [quotaUs, periodUs] = parsed(`${folder}: the CPU quota`, '', () => [
      integer(quota, {least: -1}),
      integer(period),
    ])
    if (quotaUs !== undefined && periodUs !== undefined && quotaUs > 0)
      return {cgroup: path, quotaUs, periodUs}
  }
  return undefined
})

/**
 * The CPUs that the cgroup of this process may use; undefined without a cpuset (cgroup v1 and v2).
 */
export const cpusetCpus = defineFact<CpuSet | undefined>('cpuset-cpus', async (host) => {
  for (const {folder} of await cgroupsAbove(host, 'cpuset')) {
    const text =
      (await host.read(`${folder}/cpuset.cpus.effective`)) ??
      (await host.read(`${folder}/cpuset.effective_cpus`))
    if (text !== undefined) return parsed(`${folder}/cpuset.cpus.effective`, text, CpuSet.printed)
  }
  return undefined
})

/**
 * The folders of a controller for the cgroup of this process and for its ancestors, lowest first.
 * Empty without cgroups.
 */
async function cgroupsAbove(
  host: HostView,
  controller: string,
): Promise<readonly {folder: string; path: string}[]> {
  const text = (await host.read('/proc/self/cgroup')) ?? ''
  const rows = text
    .split('\n')
    .map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, names = '', path = '/']) => ({names: names.split(','), path}))
  const v1 = rows.find(({names}) => names.includes(controller))
  const own = v1 ?? rows.find(({names}) => names.length === 1 && names[0] === '')
  if (own === undefined) return []
  const root = v1 === undefined ? '/sys/fs/cgroup' : `/sys/fs/cgroup/${controller}`
  const parts = own.path.split('/').filter((part) => part !== '')
  return parts
    .map((_, depth) => `/${parts.slice(0, parts.length - depth).join('/')}`)
    .concat('/')
    .map((path) => ({path, folder: path === '/' ? root : `${root}${path}`}))
}

/**
 * kernel.yama.ptrace_scope: 0 any process, 1 descendants and declared tracers, 2 CAP_SYS_PTRACE
 * only, 3 none; undefined without Yama.
 */
export const ptraceScope = defineFact<number | undefined>('ptrace-scope', async (host) => {
  const path = '/proc/sys/kernel/yama/ptrace_scope'
  const text = await readText(host, path)
  return text === undefined ? undefined : parsed(path, text, (number) => integer(number, {most: 3}))
})
