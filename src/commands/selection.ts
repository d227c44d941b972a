// SPDX-License-Identifier: MIT
import {resolve} from 'node:path'
import {Flags} from '@oclif/core'
import {DEFAULT_CONFIG, loadConfig} from '../config/load.ts'
import {resolveSettings} from '../config/settings.ts'
import {given} from '../facts/fact.ts'
import {invocation, sparedNics} from '../facts/invocation.ts'
import type {HostView} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {didYouMean} from '../lib/nearest.ts'
import {CpuSet} from '../model/cpuset.ts'
import {OURSELVES} from '../plan/dead-man.ts'
import {makePlan, type Plan} from '../plan/plan.ts'
import {chooseSteps, STEPS} from '../plan/registry.ts'
import {cpulist} from './base.ts'

/** The flags that choose steps and CPUs, for `plan` and for `apply`. */
export const selectionFlags = {
  only: Flags.string({
    description: 'plan only this step; may be repeated',
    multiple: true,
    options: STEPS.map(({id}) => id),
  }),
  also: Flags.string({
    description: 'also plan this step, which is taken only on request; may be repeated',
    multiple: true,
    options: STEPS.filter(({onRequest}) => onRequest !== undefined).map(({id}) => id),
    exclusive: ['only'],
  }),
  persist: Flags.boolean({
    description: 'repeat the changes at each boot: short for --also persistence',
    exclusive: ['only'],
  }),
  runtime: Flags.boolean({
    description: 'plan only what takes effect at once, and nothing for the next boot',
    default: false,
  }),
  'spare-nic': Flags.string({
    description: 'leave this network card alone, like those of the default route and of SSH; may be repeated',
    multiple: true,
    helpValue: 'NAME',
  }),
  cpus: cpulist({description: 'CPUs to isolate; default: those of the config, or of the boot arguments'}),
}

export interface Selection {
  readonly only?: readonly string[] | undefined
  readonly also?: readonly string[] | undefined
  readonly cpus?: CpuSet | undefined
  readonly persist?: boolean | undefined
  readonly runtime?: boolean | undefined
  readonly 'spare-nic'?: readonly string[] | undefined
}

export async function planSelection(
  host: HostView,
  flags: Selection & {readonly config: string},
): Promise<Plan> {
  const {steps = {}} = await loadConfig(host, flags.config)
  const ids = STEPS.map(({id}) => id)
  const unknown = [...(steps.also ?? []), ...(steps.never ?? [])].find((id) => !ids.includes(id))
  if (unknown !== undefined)
    throw new UserError(`${flags.config}: there is no step "${unknown}"`, {
      code: 'unknown-step',
      help: didYouMean(unknown, ids) ?? `the steps are ${ids.join(', ')}`,
    })
  const settings = await resolveSettings(host, flags)
  // A cpuset partition takes CPUs out of load balancing at run time; isolcpus= does it at boot.
  const dynamic = settings.boot?.isolation === 'dynamic' ? ['cpuset-partition'] : []
  const plan = await makePlan(host, {
    settings,
    ...chooseSteps({
      ...steps,
      only: flags.only,
      runtime: flags.runtime,
      also: [...dynamic, ...(steps.also ?? []), ...alsoOf(flags)],
    }),
    known: [
      given(sparedNics, flags['spare-nic'] ?? []),
      // The unit runs this selection at boot, from the same config.
      given(invocation, {
        program: OURSELVES,
        flags: wordsOf({...flags, persist: undefined, runtime: true}, flags.config),
      }),
    ],
  })
  const asked = askedOf(flags)
  return {...plan, ...(Object.keys(asked).length > 0 ? {asked} : {})}
}

/** The flags that differ from their defaults, as a plan keeps them. Pure. */
function askedOf({cpus, ...flags}: Selection): NonNullable<Plan['asked']> {
  const {only, also, persist, runtime, 'spare-nic': spared} = flags
  return {
    ...(cpus ? {cpus: `${cpus}`} : {}),
    ...(only ? {only: [...only]} : {}),
    ...(also ? {also: [...also]} : {}),
    ...(persist ? {persist} : {}),
    ...(runtime ? {runtime} : {}),
    ...(spared ? {'spare-nic': [...spared]} : {}),
  }
}

/** The selection that a saved plan was made with. Pure. */
export function selectionOf({asked: {cpus, ...flags} = {}}: Plan): Selection {
  return {...flags, ...(cpus === undefined ? {} : {cpus: CpuSet.parse(cpus)})}
}

const alsoOf = ({also = [], persist}: Selection): readonly string[] => [
  ...also,
  ...(persist ? ['persistence'] : []),
]

/** Flags of apply that name the same CPUs and the same config. Pure. */
export const targetFlags = ({cpus, config}: {cpus?: CpuSet | undefined; config: string}): readonly string[] =>
  wordsOf({cpus}, config)

function wordsOf(flags: Selection, config = DEFAULT_CONFIG): readonly string[] {
  const {only = [], cpus, runtime, 'spare-nic': spared = []} = flags
  return [
    ...(config === DEFAULT_CONFIG ? [] : ['--config', resolve(config)]),
    ...(cpus ? ['--cpus', `${cpus}`] : []),
    ...(runtime ? ['--runtime'] : []),
    ...only.flatMap((id) => ['--only', id]),
    ...alsoOf(flags).flatMap((id) => ['--also', id]),
    ...spared.flatMap((nic) => ['--spare-nic', nic]),
  ]
}

/** The command that applies this selection, or the plan in this file. */
export function applyCommand(flags: Selection & {readonly config: string}, file?: string): string {
  return ['isolctl apply', ...(file === undefined ? wordsOf(flags, flags.config) : [file])].join(' ')
}
