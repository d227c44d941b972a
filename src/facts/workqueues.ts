// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, mustRead} from './fact.ts'
import {type Knob, readKnob} from './knob.ts'

const WQ = '/sys/devices/virtual/workqueue'
export const WORKQUEUE_CPUMASK = `${WQ}/cpumask`

/** Where unbound workqueues may run (kernel/workqueue.c: wq_unbound_cpumask and its neighbours). */
export interface Workqueues {
  /** In force: hex mask in the file, with the text it was read as. */
  readonly cpumask: CpuSet
  readonly cpumaskText: string
  /** What was last written, or the boot default; the kernel takes `isolated` out of it. Since 6.7. */
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

/** A workqueue with a mask of its own: it was made with WQ_SYSFS. */
export interface NamedWorkqueue {
  readonly name: string
  readonly mask: Knob
  readonly cpus: CpuSet
}

/**
 * writeback, and whatever else drivers made so; bound ones have no mask (kernel/workqueue.c: workqueue_sysfs_register).
 * They run on what of it is in the general mask as well, and on the whole general mask where that is nothing
 * (apply_wqattrs_prepare).
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
