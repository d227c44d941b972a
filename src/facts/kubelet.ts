// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, mayRead, parsed} from './fact.ts'
import {everyTask} from './tasks.ts'

export const KUBELET_STATE = '/var/lib/kubelet/cpu_manager_state'

const CONFIG = '/var/lib/kubelet/config.yaml'

/** The CPUs that the kubelet assigns to containers (Kubernetes, "CPU Manager"). */
export interface Kubelet {
  /** Policy of the CPU manager: "none", "static". */
  readonly cpuManagerPolicy: string
  /**
   * CPUs of the containers that have no CPUs of their own; undefined under "none", where containers
   * use the CPUs of their cgroup.
   */
  readonly shared?: CpuSet
  /** Containers with CPUs of their own. Version 1 of the state names no pod. */
  readonly exclusive: readonly {readonly pod?: string; readonly container: string; readonly cpus: CpuSet}[]
  /**
   * The option strict-cpu-reservation: the reserved CPUs are not shared either (since 1.32). Absent
   * when the configuration of the kubelet cannot be read.
   */
  readonly strict?: boolean
}

/** Version 1 (before 1.18) has container: cpulist, version 2 has pod: {container: cpulist}. */
const State = z.object({
  policyName: z.string(),
  defaultCpuSet: z.string(),
  entries: z.record(z.string(), z.union([z.string(), z.record(z.string(), z.string())])).optional(),
})

/** Throws Error, with a message of one line. */
function stateOf(json: string): z.infer<typeof State> {
  const state = State.safeParse(JSON.parse(json))
  if (!state.success) throw new Error('not a state of the CPU manager, version 1 or 2')
  return state.data
}

/** Undefined when no kubelet has stored a state. Only root may read it. */
export const kubelet = defineFact<Kubelet | undefined>('kubelet', async (host, get) => {
  const text = await mayRead(host, KUBELET_STATE)
  if (text === undefined) {
    const runs = (await get(everyTask).catch(() => [])).some(({comm}) => comm === 'kubelet')
    if (runs) throw new Error(`${KUBELET_STATE} does not exist, and a kubelet runs`)
    return undefined
  }
  const {policyName, defaultCpuSet, entries = {}} = parsed(KUBELET_STATE, text, stateOf)
  const list = (cpus: string) => parsed(KUBELET_STATE, cpus, CpuSet.parse)
  const shared = list(defaultCpuSet)
  const config = await host.read(CONFIG).catch(() => undefined)
  return {
    cpuManagerPolicy: policyName,
    ...(shared.isEmpty ? {} : {shared}),
    exclusive: Object.entries(entries).flatMap(([name, cpus]) =>
      typeof cpus === 'string'
        ? [{container: name, cpus: list(cpus)}]
        : Object.entries(cpus).map(([container, own]) => ({pod: name, container, cpus: list(own)})),
    ),
    ...(config === undefined
      ? {}
      : {strict: /^[^#\n]*["'{,\s]strict-cpu-reservation["']?\s*:\s*["']?true\b/m.test(`\n ${config}`)}),
  }
})
