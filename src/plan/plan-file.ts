// SPDX-License-Identifier: MIT
import {readFile, writeFile} from 'node:fs/promises'
import {errnoOf, UserError} from '../lib/errors.ts'
import {type Plan, parsePlan} from './plan.ts'
import {STEPS} from './registry.ts'

/** Save a plan for apply. Not by way of a fresh file: /dev/stdout is a place like any other. Throws UserError. */
export async function savePlan(path: string, plan: Plan): Promise<void> {
  await writeFile(path, `${JSON.stringify(plan, null, 2)}\n`).catch(refuse('write', path))
}

/** A saved plan, made on this machine. Throws UserError saying what is wrong with it. */
export async function loadPlan(path: string, host: string): Promise<Plan> {
  const text = await readFile(path, 'utf8').catch(refuse('read', path))
  return parsePlan(text, {path, host, steps: STEPS})
}

const refuse = (verb: string, path: string) => (cause: unknown) => {
  throw new UserError(`cannot ${verb} the plan ${path}: ${errnoOf(cause) ?? 'EIO'}`, {
    help: 'a plan is made with: isolctl plan --out FILE',
    cause,
  })
}
