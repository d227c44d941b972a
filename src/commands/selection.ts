// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {loadConfig} from '../config/load.ts'
import {resolveSettings} from '../config/settings.ts'
import type {HostView} from '../host/host.ts'
import type {CpuSet} from '../lib/cpuset.ts'
import {UserError} from '../lib/errors.ts'
import {makePlan, type Plan} from '../plan/plan.ts'
import {chooseSteps, STEPS} from '../plan/registry.ts'
import {cpulist} from './base.ts'

/** Which steps, for which CPUs: the same for `plan` and `apply`. */
export const selectionFlags = {
  only: Flags.string({
    description: 'this step alone; may be repeated',
    multiple: true,
    options: STEPS.map(({id}) => id),
  }),
  also: Flags.string({
    description: 'besides the ordinary steps this one, which is taken on request only; may be repeated',
    multiple: true,
    options: STEPS.filter(({onRequest}) => onRequest !== undefined).map(({id}) => id),
    exclusive: ['only'],
  }),
  cpus: cpulist({description: 'CPUs to isolate; default: the configured or booted ones'}),
}

interface Selection {
  readonly only?: readonly string[] | undefined
  readonly also?: readonly string[] | undefined
  readonly cpus?: CpuSet | undefined
}

export async function planSelection(
  host: HostView,
  flags: Selection & {readonly config: string},
): Promise<Plan> {
  const {steps = {}} = await loadConfig(host, flags.config)
  const stranger = [...(steps.also ?? []), ...(steps.never ?? [])].find(
    (id) => !STEPS.some((step) => step.id === id),
  )
  if (stranger !== undefined)
    throw new UserError(`${flags.config}: there is no step "${stranger}"`, {
      help: `the steps are ${STEPS.map(({id}) => id).join(', ')}`,
    })
  const settings = await resolveSettings(host, flags)
  // Of the two ways to take CPUs out of load balancing, this is the one at run time.
  const dynamic = settings.boot?.isolation === 'dynamic' ? ['cpuset-partition'] : []
  return makePlan(host, {
    settings,
    ...chooseSteps({
      ...steps,
      only: flags.only,
      also: [...dynamic, ...(steps.also ?? []), ...(flags.also ?? [])],
    }),
  })
}

/** The command that applies this selection, or the plan in this file. */
export function applyCommand({only = [], also = [], cpus}: Selection, file?: string): string {
  const words =
    file === undefined
      ? [
          ...(cpus ? [`--cpus ${cpus}`] : []),
          ...only.map((id) => `--only ${id}`),
          ...also.map((id) => `--also ${id}`),
        ]
      : [file]
  return ['isolctl apply', ...words].join(' ')
}
