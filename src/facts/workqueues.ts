// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, mustRead} from './fact.ts'
import {type Knob, readKnob} from './knob.ts'

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
  const requestedText = (await host.read(`${WQ}/cpumask_requested`))?.trim()
  const isolatedText = (await host.read(`${WQ}/cpumask_isolated`))?.trim()
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
  for (const name of await host.list(WQ)) {
    const path = `${WQ}/${name}/cpumask`
    const knob = await readKnob(host, path)
    if (knob) named.push({name, mask: knob, cpus: mask(path, knob.text)})
  }
  return named
})

function mask(path: string, text: string): CpuSet {
  try {
    return CpuSet.fromMask(text)
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, {cause})
  }
}
