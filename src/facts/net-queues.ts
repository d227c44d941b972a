// SPDX-License-Identifier: MIT
import {HostError, type HostView, tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, mayList, parsed, readText} from './fact.ts'
import type {Knob} from './knob.ts'

const NET = '/sys/class/net'

/** The CPUs that a queue of a network interface uses (Documentation/networking/scaling.rst). */
export interface QueueMask {
  /** "eth0"; absent for the default of new queues. */
  readonly nic?: string
  /** "rx-0", "tx-3". */
  readonly queue: string
  /**
   * A hex mask. Zero: the CPU that took the interrupt handles the packet (RPS), or any queue may be
   * used (XPS).
   */
  readonly mask: Knob
  readonly cpus: CpuSet
}

const DEFAULT = '/proc/sys/net/core/rps_default_mask'

/** RPS and XPS masks of every interface. */
export const queueMasks = defineFact<readonly QueueMask[]>('queue-masks', async (host) => {
  const nics = await mayList(host, NET)
  const all = await Promise.all(nics.map((nic) => ofInterface(host, nic)))
  const fallback = await readMask(host, DEFAULT)
  return [...(fallback ? [{queue: 'new queues', ...fallback}] : []), ...all.flat()]
})

async function ofInterface(host: HostView, nic: string): Promise<readonly QueueMask[]> {
  const folder = `${NET}/${nic}/queues`
  const queues = await host.list(folder)
  // Every interface has queues: an absent folder was not captured. bonding_masters is not an
  // interface.
  if (queues.length === 0 && !tellsAbsence(host) && nic !== 'bonding_masters')
    throw new Error(`${folder} does not exist`)
  const masks = await Promise.all(
    queues.map(async (queue): Promise<QueueMask | undefined> => {
      const path = `${folder}/${queue}/${queue.startsWith('rx') ? 'rps' : 'xps'}_cpus`
      const mask = await readMask(host, path)
      // The kernel makes rps_cpus for each queue that it receives from, if it has RPS at all.
      if (mask === undefined && queue.startsWith('rx') && !tellsAbsence(host))
        throw new Error(`${path} was not captured`)
      return mask && {nic, queue, ...mask}
    }),
  )
  return masks.filter((mask) => mask !== undefined)
}

async function readMask(host: HostView, path: string): Promise<{mask: Knob; cpus: CpuSet} | undefined> {
  const text = await readText(host, path).catch((error: unknown) => {
    // An interface with one queue has no such setting, and its file fails with EINVAL or ENOENT
    // (net/core/net-sysfs.c: xps_cpus_show).
    if (error instanceof HostError && (error.code === 'EINVAL' || error.code === 'EOPNOTSUPP'))
      return undefined
    throw error
  })
  if (text === undefined) return undefined
  return {mask: {path, text: text.trim()}, cpus: parsed(path, text, CpuSet.fromMask)}
}
