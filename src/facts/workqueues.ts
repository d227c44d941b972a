// SPDX-License-Identifier: MIT

import {type HostView, tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, mayList, mustRead, parsed, readText} from './fact.ts'
import type {Knob} from './knob.ts'

const WQ = '/sys/devices/virtual/workqueue'
export const WORKQUEUE_CPUMASK = `${WQ}/cpumask`

/** The CPUs of unbound workqueues (kernel/workqueue.c: wq_unbound_cpumask and its neighbours). */
export interface Workqueues {
  /** The mask in force, and the hex text it was parsed from. */
  readonly cpumask: CpuSet
  readonly cpumaskText: string
  /**
   * The last mask that was written, or the boot default; the kernel removes `isolated` from it.
   * Since 6.7.
   */
  readonly requested?: CpuSet
  readonly requestedText?: string
  /** CPUs in isolated cpuset partitions. Since 6.7. */
  readonly isolated?: CpuSet
}

export const workqueues = defineFact<Workqueues>('workqueues', async (host) => {
  const cpumaskText = (await mustRead(host, WORKQUEUE_CPUMASK)).trim()
  const requestedText = (await readText(host, `${WQ}/cpumask_requested`))?.trim()
  const isolatedText = (await readText(host, `${WQ}/cpumask_isolated`))?.trim()
  return {
    cpumask: mask(WORKQUEUE_CPUMASK, cpumaskText),
    cpumaskText,
    ...(requestedText === undefined
      ? {}
      : {requested: mask(`${WQ}/cpumask_requested`, requestedText), requestedText}),
    ...(isolatedText === undefined ? {} : {isolated: mask(`${WQ}/cpumask_isolated`, isolatedText)}),
  }
})

/** A workqueue with its own mask, because it was created with WQ_SYSFS. */
export interface NamedWorkqueue {
  readonly name: string
  readonly mask: Knob
  readonly cpus: CpuSet
}

/**
 * writeback, and the unbound workqueues that drivers created with WQ_SYSFS; bound ones have no mask
 * (kernel/workqueue.c: workqueue_sysfs_register). They run on the CPUs that are also in the general
 * mask, and on the whole general mask when there are none (apply_wqattrs_prepare).
 */
export const namedWorkqueues = defineFact<readonly NamedWorkqueue[]>('named-workqueues', async (host) => {
  const named: NamedWorkqueue[] = []
  for (const name of await mayList(host, WQ)) {
    const path = `${WQ}/${name}/cpumask`
    const text = await readText(host, path)
    if (text !== undefined) named.push({name, mask: {path, text: text.trim()}, cpus: mask(path, text)})
    else if (await mayHaveMask(host, name)) throw new Error(`${path} does not exist`)
  }
  if (named.length === 0 && !tellsAbsence(host)) throw new Error(`${WQ}: no workqueue was captured`)
  return named
})

/** Names in the folder that are not workqueues. */
const NOT_QUEUES = /^(cpumask.*|affinity_\w+|uevent|power|subsystem)$/

/** Whether a workqueue that shows no mask may have one: writeback is unbound, others say it in per_cpu. */
async function mayHaveMask(host: HostView, name: string): Promise<boolean> {
  if (NOT_QUEUES.test(name)) return false
  if (name === 'writeback') return true
  const bound = (await host.read(`${WQ}/${name}/per_cpu`))?.trim()
  return bound === '0' || (bound === undefined && !tellsAbsence(host))
}

const mask = (path: string, text: string): CpuSet => parsed(path, text, CpuSet.fromMask)
