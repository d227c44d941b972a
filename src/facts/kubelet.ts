// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, mayRead, parsed} from './fact.ts'

export const KUBELET_STATE = '/var/lib/kubelet/cpu_manager_state'

/** The CPUs that the kubelet assigns to containers (Kubernetes, "CPU Manager"). */
export interface Kubelet {
  /** Policy of the CPU manager: "none", "static". */
  readonly cpuManagerPolicy: string
  /**
   * CPUs of all containers together; undefined under "none", where containers use the CPUs of their
   * cgroup.
   */
  readonly cpus?: CpuSet
}

const State = z.object({
  policyName: z.string(),
  defaultCpuSet: z.string(),
  entries: z.record(z.string(), z.record(z.string(), z.string())).optional(),
})

/** Undefined when no kubelet has stored a state. Only root may read it. */
export const kubelet = defineFact<Kubelet | undefined>('kubelet', async (host) => {
  const text = await mayRead(host, KUBELET_STATE)
  if (text === undefined) return undefined
  const {
    policyName,
    defaultCpuSet,
    entries = {},
  } = parsed(KUBELET_STATE, text, (json) => State.parse(JSON.parse(json)))
  const lists = [defaultCpuSet, ...Object.values(entries).flatMap((pod) => Object.values(pod))]
  const cpus = parsed(KUBELET_STATE, lists.filter(Boolean).join(','), CpuSet.parse)
  return {cpuManagerPolicy: policyName, ...(cpus.isEmpty ? {} : {cpus})}
})
