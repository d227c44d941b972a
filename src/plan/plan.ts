// SPDX-License-Identifier: MIT

import * as z from 'zod'
import {type Fact, type Get, type Given, gatherer, given} from '../facts/fact.ts'
import {settings} from '../facts/settings.ts'
import {tuners} from '../facts/tuners.ts'
import type {HostView} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {ChangeSchema, placeOf} from '../model/change.ts'
import type {Settings} from '../model/settings.ts'
import {cpulist} from '../schema/cpulist.ts'
import {firstOutOfBounds} from './bounds.ts'
import type {Step} from './step.ts'

const NoteSchema = z.strictObject({subject: z.string(), reason: z.string()})

const PlannedStepSchema = z.strictObject({
  id: z.string(),
  title: z.string(),
  /** The check that passes after the step. */
  check: z.string(),
  blast: z.string(),
  /** Takes effect only at the next boot. */
  needsReboot: z.literal(true).exactOptional(),
  /** The changes are made and take effect at the next boot. */
  pending: z.literal(true).exactOptional(),
  /** In order; empty when nothing has to be changed. */
  changes: z.array(ChangeSchema),
  /** What the step leaves as it is. */
  notes: z.array(NoteSchema),
})

/** `isolctl.plan/1`: what `plan --json` prints and `apply FILE` reads back. */
export const PlanSchema = z.strictObject({
  schema: z.literal('isolctl.plan/1'),
  host: z.string(),
  isolated: cpulist,
  housekeeping: cpulist,
  /** The flags of plan, other than the defaults, that chose the steps and CPUs. */
  asked: z
    .strictObject({
      cpus: cpulist,
      only: z.array(z.string()),
      also: z.array(z.string()),
      persist: z.boolean(),
      runtime: z.boolean(),
      'spare-nic': z.array(z.string()),
    })
    .partial()
    .exactOptional(),
  steps: z.array(PlannedStepSchema),
  /** Steps that would change something and are applied only when requested by id. */
  onRequest: z
    .array(
      z.strictObject({
        id: z.string(),
        title: z.string(),
        /** Why the step must be requested. */
        reason: z.string(),
        changes: z.number().int().positive(),
      }),
    )
    .exactOptional(),
  /** Other programs on this machine that set what these steps set. */
  conflicts: z
    .array(z.strictObject({name: z.string(), evidence: z.string(), help: z.string()}))
    .exactOptional(),
  /** Steps that cannot be planned because a fact they need is unknown. */
  unknown: z.array(z.strictObject({id: z.string(), title: z.string(), reason: z.string()})),
})

export type Plan = z.output<typeof PlanSchema>
export type PlannedStep = Plan['steps'][number]

/** What a plan is made from. */
export interface Order {
  readonly settings: Settings
  readonly steps: readonly Step[]
  /** Steps to list as available on request. */
  readonly offered?: readonly Step[]
  /** Further facts that are given. */
  readonly known?: readonly Given[]
}

/**
 * Make the plan that brings the machine to these settings. Reads the machine and changes nothing.
 */
export async function makePlan(
  host: HostView,
  {settings: asked, steps, offered = [], known = []}: Order,
): Promise<Plan> {
  const get = gatherer(host, [given(settings, asked), ...known])
  const plan: Plan = {
    schema: 'isolctl.plan/1',
    host: host.name,
    isolated: `${asked.isolated}`,
    housekeeping: `${asked.housekeeping}`,
    steps: [],
    unknown: [],
  }
  for (const step of steps) {
    const title = step.title(asked)
    try {
      plan.steps.push(planStep(step, title, await gatherAll(step.facts, get)))
    } catch (error) {
      plan.unknown.push({id: step.id, title, reason: (error as Error).message})
    }
  }
  const onRequest: NonNullable<Plan['onRequest']> = []
  for (const step of offered) {
    const {id, onRequest: reason = ''} = step
    // A step that cannot be planned is not offered. When it is requested, the plan shows the
    // reason.
    const {changes} = await gatherAll(step.facts, get)
      .then((facts) => step.plan(facts))
      .catch(() => ({changes: []}))
    if (changes.length > 0) onRequest.push({id, title: step.title(asked), reason, changes: changes.length})
  }
  const conflicts = await conflictsWith(plan, get)
  return {
    ...plan,
    ...(onRequest.length > 0 ? {onRequest} : {}),
    ...(conflicts.length > 0 ? {conflicts} : {}),
  }
}

/**
 * Other programs that write to the places of this plan. irqbalance is not one when the plan bans
 * it.
 */
async function conflictsWith(plan: Plan, get: Get): Promise<NonNullable<Plan['conflicts']>> {
  const places = plan.steps.flatMap(({changes}) => changes).flatMap((change) => placeOf(change) ?? [])
  const banning = plan.steps.some(({id, changes}) => id === 'irqbalance-ban' && changes.length > 0)
  const found = await get(tuners).catch(() => [])
  return found
    .filter(({name, writes}) => places.some(writes) && !(banning && name === 'irqbalance'))
    .map(({name, evidence, help}) => ({name, evidence, help}))
}

function planStep(step: Step, title: string, facts: Record<string, unknown>): PlannedStep {
  const {changes, notes = [], pending} = step.plan(facts)
  const {id, check, blast, needsReboot} = step
  return {
    id,
    title,
    check,
    blast,
    ...(needsReboot ? {needsReboot} : {}),
    ...(pending ? {pending} : {}),
    changes: [...changes],
    notes: [...notes],
  }
}

async function gatherAll(
  facts: Readonly<Record<string, Fact<unknown>>>,
  get: <T>(fact: Fact<T>) => Promise<T>,
): Promise<Record<string, unknown>> {
  const values: [string, unknown][] = []
  for (const [name, fact] of Object.entries(facts)) values.push([name, await get(fact)])
  return Object.fromEntries(values)
}

export const changeCount = ({steps}: Plan): number =>
  steps.reduce((sum, {changes}) => sum + changes.length, 0)

/** Whether a reboot is pending after the plan is applied. Pure. */
export const rebootPending = ({steps}: Plan): boolean =>
  steps.some(({needsReboot, pending, changes}) => pending || (needsReboot && changes.length > 0))

/**
 * Parse a saved plan. Throws UserError when it is not a plan, or not one for this machine. Pure.
 */
export function parsePlan(
  text: string,
  {path, host, steps}: {path: string; host: string; steps: readonly Step[]},
): Plan {
  const refuse = (why: string) =>
    new UserError(`${path}: ${why}`, {help: 'make a plan on this machine with: isolctl plan --out FILE'})
  const parsed = PlanSchema.safeParse(jsonOf(text))
  if (!parsed.success) {
    const [first] = parsed.error.issues
    throw refuse(`not a plan: ${first?.message ?? 'invalid'} (at ${first?.path.join('.') || 'the top'})`)
  }
  if (parsed.data.host !== host) throw refuse(`the plan was made on ${parsed.data.host}; this is ${host}`)
  const unknown = parsed.data.steps.find(({id}) => !steps.some((step) => step.id === id))
  if (unknown) throw refuse(`this isolctl has no step "${unknown.id}"`)
  const foreign = firstOutOfBounds(parsed.data.steps.flatMap(({changes}) => changes))
  if (foreign !== undefined) throw refuse(foreign)
  return parsed.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
