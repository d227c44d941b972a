// SPDX-License-Identifier: MIT
import {readFile, writeFile} from 'node:fs/promises'
import {errnoOf, UserError} from '../lib/errors.ts'
import {type Plan, parsePlan} from './plan.ts'
import {STEPS} from './registry.ts'

/**
 * Save a plan for apply. The file is written directly, because the path may be /dev/stdout. Throws
 * UserError.
 */
export async function savePlan(path: string, plan: Plan): Promise<void> {
  await writeFile(path, `${JSON.stringify(plan, null, 2)}\n`).catch(refuse('write', path))
}

/**
 * Load a plan that was saved on this machine. Throws UserError with the reason when it is not one.
 */
export async function loadPlan(path: string, host: string): Promise<Plan> {
  const text = await readFile(path, 'utf8').catch(refuse('read', path))
  return parsePlan(text, {path, host, steps: STEPS})
}

const refuse = (verb: string, path: string) => (cause: unknown) => {
  throw new UserError(`cannot ${verb} the plan ${path}: ${errnoOf(cause) ?? 'EIO'}`, {
    help: 'make a plan with: isolctl plan --out FILE',
    cause,
  })
}
