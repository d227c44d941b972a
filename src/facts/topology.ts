// SPDX-License-Identifier: MIT

import type {HostView} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Cpu, Sharing} from '../model/topology.ts'
import {readCpulist, readCpumask} from './cpu-files.ts'
import {online, present} from './cpus.ts'
import {defineFact} from './fact.ts'
import {listedNodes} from './nodes.ts'

const CPU = '/sys/devices/system/cpu'

/** Every CPU that is present, in order, also offline ones and across holes in the numbering. */
export const topology = defineFact<readonly Cpu[]>('topology', async (host, get) => {
  const folders = CpuSet.from(
    (await host.list(CPU)).flatMap((name) => {
      const number = /^cpu(\d+)$/.exec(name)?.[1]
      return number === undefined ? [] : [Number(number)]
    }),
  )
  // Old kernels and partial captures lack these two files: the folders are then all there is.
  const known = await get(online).catch(() => undefined)
  const all = folders.union(await get(present).catch(() => known ?? CpuSet.empty))
  if (all.isEmpty) throw new Error(`${CPU} ${(await host.isFolder(CPU)) ? 'has no CPU' : 'does not exist'}`)
  const cpus = numberSockets(await Promise.all([...all].map((cpu) => readCpu(host, cpu, known))))
  if (cpus.every(({node}) => node !== undefined)) return cpus
  // Kernels before 2.6.38, and captures without links, have no link to its node in the folder of a
  // CPU.
  const listed = [...(await get(listedNodes))]
  return cpus.map((cpu) => {
    const node = cpu.node ?? listed.find(([, members]) => members?.has(cpu.cpu))?.[0]
    return node === undefined ? cpu : {...cpu, node}
  })
})

/** A CPU as it is read. */
interface Placed extends Omit<Cpu, 'socket'> {
  /** physical_package_id; absent for -1, which means that the firmware does not report it. */
  readonly packageId?: number
  /** The CPUs of its socket, where there is no packageId. */
  readonly package?: CpuSet
}

async function readCpu(host: HostView, cpu: number, known: CpuSet | undefined): Promise<Placed> {
  const folder = `${CPU}/cpu${cpu}`
  const number = async (name: string) => {
    const text = (await host.read(`${folder}/topology/${name}`))?.trim()
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
  }
  const isOnline = known?.has(cpu) ?? (await host.read(`${folder}/online`))?.trim() !== '0'
  const node = /^node(\d+)$/.exec((await host.list(folder)).find((name) => /^node\d+$/.test(name)) ?? '')?.[1]
  const packageId = await number('physical_package_id')
  const read = {
    packageId,
    package: packageId === undefined ? await cpusOf(host, folder, PACKAGE) : undefined,
    book: await number('book_id'),
    drawer: await number('drawer_id'),
    node: node === undefined ? undefined : Number(node),
    core: await number('core_id'),
    siblings: await cpusOf(host, folder, CORE),
  }
  const values = Object.entries(read).filter(([, value]) => value !== undefined)
  return {cpu, online: isOnline, ...Object.fromEntries(values)}
}

/**
 * The number of each CPU's socket. The kernel's number stands if each socket has its own. Else the
 * sockets count from 0, in the order of their first CPU. Pure.
 */
function numberSockets(cpus: readonly Placed[]): readonly Cpu[] {
  const named = ({packageId, book, drawer}: Placed) =>
    packageId === undefined ? undefined : [drawer, book, packageId].join()
  const byName = new Map(cpus.map((cpu) => [cpu.cpu, named(cpu)]))
  const keyOf = (cpu: Placed) => {
    const peers = cpu.package?.union(CpuSet.of(cpu.cpu))
    return named(cpu) ?? [...(peers ?? [])].map((peer) => byName.get(peer)).find(Boolean) ?? peers?.toString()
  }
  const keys = [...new Set(cpus.flatMap((cpu) => keyOf(cpu) ?? []))]
  const ids = new Map(
    cpus.flatMap((cpu) => (cpu.packageId === undefined ? [] : [[keyOf(cpu), cpu.packageId]])),
  )
  const usable = ids.size === keys.length && new Set(ids.values()).size === keys.length
  return cpus.map((each) => {
    const {packageId: _id, package: _package, ...cpu} = each
    const key = keyOf(each)
    return key === undefined ? cpu : {...cpu, socket: usable ? (ids.get(key) ?? 0) : keys.indexOf(key)}
  })
}

/** Names of the files that list the same CPUs: as a list or as a mask, and by their older names. */
type Names = readonly (readonly [string, typeof readCpulist])[]

/** The CPUs of a core: core_cpus_list since 5.3, thread_siblings_list before. */
const CORE: Names = [
  ['core_cpus_list', readCpulist],
  ['thread_siblings_list', readCpulist],
  ['core_cpus', readCpumask],
  ['thread_siblings', readCpumask],
]

/** The CPUs of a socket: package_cpus_list since 5.3, core_siblings_list before. */
const PACKAGE: Names = [
  ['package_cpus_list', readCpulist],
  ['core_siblings_list', readCpulist],
  ['package_cpus', readCpumask],
  ['core_siblings', readCpumask],
]

async function cpusOf(host: HostView, folder: string, names: Names): Promise<CpuSet | undefined> {
  for (const [name, read] of names) {
    const cpus = await read(host, `${folder}/topology/${name}`)
    if (cpus !== undefined && !cpus.isEmpty) return cpus
  }
  return undefined
}

/**
 * The CPUs that share caches and a cluster with each CPU (drivers/base/cacheinfo.c,
 * drivers/base/topology.c). Empty where the kernel reports neither.
 */
export const sharing = defineFact<ReadonlyMap<number, Sharing>>('sharing', async (host, get) => {
  const found = new Map<number, Sharing>()
  for (const {cpu} of await get(topology)) {
    const folder = `${CPU}/cpu${cpu}`
    const cluster = await cpusOf(host, folder, CLUSTER)
    const shared: Sharing = {...(await cachesOf(host, `${folder}/cache`)), ...(cluster && {cluster})}
    if (Object.keys(shared).length > 0) found.set(cpu, shared)
  }
  return found
})

/** Since 5.16. */
const CLUSTER: Names = [
  ['cluster_cpus_list', readCpulist],
  ['cluster_cpus', readCpumask],
]

async function cachesOf(host: HostView, folder: string): Promise<Sharing> {
  const found: {l2?: CpuSet; l3?: CpuSet} = {}
  for (const index of await host.list(folder)) {
    const level = (await host.read(`${folder}/${index}/level`).catch(() => undefined))?.trim()
    if (level !== '2' && level !== '3') continue
    const cpus =
      (await readCpulist(host, `${folder}/${index}/shared_cpu_list`)) ??
      (await readCpumask(host, `${folder}/${index}/shared_cpu_map`))
    if (cpus !== undefined && !cpus.isEmpty) found[`l${level}`] = cpus
  }
  return found
}

/** Whether two hardware threads of one core are in use (kernel/cpu.c: active_show); undefined where the kernel does not tell. */
export const smtActive = defineFact<boolean | undefined>('smt-active', async (host) => {
  const text = (await host.read(`${CPU}/smt/active`))?.trim()
  return text === undefined ? undefined : text === '1'
})
