// SPDX-License-Identifier: MIT

import type {HostView} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Cpu} from '../model/topology.ts'
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
  if (all.isEmpty) throw new Error(`${CPU} does not exist`)
  const cpus = await Promise.all([...all].map((cpu) => readCpu(host, cpu, known)))
  if (cpus.some(({node}) => node !== undefined)) return cpus
  // Kernels before 2.6.38, and captures without links, have no link to its node in the folder of a CPU.
  const listed = [...(await get(listedNodes))]
  return cpus.map((cpu) => {
    const node = listed.find(([, members]) => members?.has(cpu.cpu))?.[0]
    return node === undefined ? cpu : {...cpu, node}
  })
})

async function readCpu(host: HostView, cpu: number, known: CpuSet | undefined): Promise<Cpu> {
  const folder = `${CPU}/cpu${cpu}`
  const number = async (name: string) => {
    const text = (await host.read(`${folder}/topology/${name}`))?.trim()
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined // "-1": the firmware does not say
  }
  const isOnline = known?.has(cpu) ?? (await host.read(`${folder}/online`))?.trim() !== '0'
  const node = /^node(\d+)$/.exec((await host.list(folder)).find((name) => /^node\d+$/.test(name)) ?? '')?.[1]
  const [socket, core] = [await number('physical_package_id'), await number('core_id')]
  const siblings = await siblingsOf(host, `${folder}/topology`)
  return {
    cpu,
    online: isOnline,
    ...(socket === undefined ? {} : {socket}),
    ...(node === undefined ? {} : {node: Number(node)}),
    ...(core === undefined ? {} : {core}),
    ...(siblings === undefined ? {} : {siblings}),
  }
}

/** core_cpus_list since 5.3, thread_siblings_list before, masks where there are no lists. */
async function siblingsOf(host: HostView, folder: string): Promise<CpuSet | undefined> {
  for (const [name, read] of [
    ['core_cpus_list', readCpulist],
    ['thread_siblings_list', readCpulist],
    ['core_cpus', readCpumask],
    ['thread_siblings', readCpumask],
  ] as const) {
    const siblings = await read(host, `${folder}/${name}`)
    if (siblings !== undefined && !siblings.isEmpty) return siblings
  }
  return undefined
}

/** Whether two hardware threads of one core are in use (kernel/cpu.c: active_show); undefined where the kernel does not tell. */
export const smtActive = defineFact<boolean | undefined>('smt-active', async (host) => {
  const text = (await host.read(`${CPU}/smt/active`))?.trim()
  return text === undefined ? undefined : text === '1'
})
