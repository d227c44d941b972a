// SPDX-License-Identifier: MIT
import {isDeepStrictEqual} from 'node:util'
import type {HostView} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {count} from '../lib/text.ts'
import {type Change, type ContentChange, sameValue, subjectOf} from '../model/change.ts'
import {current} from './effect.ts'
import type {Plan, PlannedStep} from './plan.ts'

/** How many of the changes that differ are named. */
const NAMED = 8

/**
 * The part of a plan that was made now, `fresh`, that a saved plan asks for. Everything that is
 * shown and done comes from `fresh`: a saved plan chooses among the changes that isolctl would make
 * anyway, and adds none. A change that is already in place needs nothing. Throws UserError, exit 4,
 * that names every other change of the saved plan, because a part of a plan that somebody approved is
 * another plan.
 */
export async function agreed(saved: Plan, fresh: Plan, host: HostView): Promise<Plan> {
  const differ: string[] = []
  for (const key of ['isolated', 'housekeeping'] as const)
    if (saved[key] !== fresh[key]) differ.push(`${key} CPUs ${saved[key]}, now ${fresh[key]}`)
  const steps: PlannedStep[] = []
  for (const asked of saved.steps) {
    const step = fresh.steps.find(({id}) => id === asked.id)
    if (step) {
      steps.push({...step, changes: step.changes.filter((change) => has(asked.changes, change))})
      differ.push(...missing(asked.changes, step.changes))
    }
    differ.push(...(await foreign(asked.changes, step?.changes ?? [], host)))
  }
  if (differ.length > 0)
    throw new UserError(
      `the saved plan is not what isolctl plans now: ${[...differ.slice(0, NAMED), ...more(differ)].join('; ')}`,
      {
        exit: Exit.applyUndone,
        code: 'stale-plan',
        help: 'nothing was changed; make a new plan: isolctl plan --out FILE (and give apply the --config that plan had)',
      },
    )
  const chosen = new Set(saved.steps.map(({id}) => id))
  const {onRequest: _, ...rest} = fresh
  return {
    ...rest,
    steps,
    unknown: fresh.unknown.filter(
      ({id}) => chosen.has(id) || saved.unknown.some((unknown) => unknown.id === id),
    ),
  }
}

const has = (changes: readonly Change[], wanted: Change) =>
  changes.some((change) => isDeepStrictEqual(change, wanted))

const more = (all: readonly string[]) =>
  all.length > NAMED ? [`and ${count(all.length - NAMED, 'more difference')}`] : []

/** Changes of the saved plan that are neither planned now nor in place. */
async function foreign(
  saved: readonly Change[],
  fresh: readonly Change[],
  host: HostView,
): Promise<readonly string[]> {
  const others = saved.filter((change) => !has(fresh, change))
  const contents = others.filter((change) => change.kind !== 'run')
  const standing = await Promise.all(contents.map((change) => isInPlace(change, host)))
  const differ = contents.filter((_, index) => !standing[index])
  // A step whose contents are all in place has run its commands.
  const finished = fresh.length === 0 && contents.length > 0 && differ.length === 0
  const commands = finished ? [] : others.filter((change) => change.kind === 'run')
  return [...differ, ...commands].map((change) =>
    change.kind === 'set' || change.kind === 'affinity'
      ? `${subjectOf(change)} to "${change.to}"`
      : subjectOf(change),
  )
}

async function isInPlace(change: ContentChange, host: HostView): Promise<boolean> {
  const found = await current(change, host).catch(() => undefined)
  if (found === undefined) return false
  return sameValue(change, found, change.to) || (change.kind === 'affinity' && found === null)
}

/**
 * Files and commands of a step depend on each other, so a saved plan cannot leave one of them out.
 * Values are independent: one that is missing appeared since, or needs nothing.
 */
const missing = (saved: readonly Change[], fresh: readonly Change[]): readonly string[] =>
  fresh
    .filter(({kind}) => kind !== 'set' && kind !== 'affinity')
    .filter((change) => saved.length > 0 && !has(saved, change))
    .map((change) => `${subjectOf(change)} is missing`)
