// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {resolveSettings} from '../config/settings.ts'
import type {HostView} from '../host/host.ts'
import type {CpuSet} from '../lib/cpuset.ts'
import {makePlan, type Plan} from '../plan/plan.ts'
import {STEPS, stepsNamed} from '../plan/registry.ts'
import {cpulist} from './base.ts'

/** Which steps, for which CPUs: the same for `plan` and `apply`. */
export const selectionFlags = {
  only: Flags.string({
    description: 'this step alone; may be repeated',
    multiple: true,
    options: STEPS.map(({id}) => id),
  }),
  cpus: cpulist({description: 'CPUs to isolate; default: the configured or booted ones'}),
}

interface Selection {
  readonly only?: readonly string[] | undefined
  readonly cpus?: CpuSet | undefined
}

export async function planSelection(
  host: HostView,
  flags: Selection & {readonly config: string},
): Promise<Plan> {
  return makePlan(host, await resolveSettings(host, flags), stepsNamed(flags.only))
}

/** The command that applies this selection, or the plan in this file. */
export function applyCommand({only = [], cpus}: Selection, file?: string): string {
  const words =
    file === undefined ? [...(cpus ? [`--cpus ${cpus}`] : []), ...only.map((id) => `--only ${id}`)] : [file]
  return ['isolctl apply', ...words].join(' ')
}
