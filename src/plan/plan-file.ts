// SPDX-License-Identifier: MIT
import {errnoOf, UserError} from '../lib/errors.ts'
import {readRegular, writeOutput} from '../lib/files.ts'
import {callingUser, requireTrusted, requireTrustedFile} from '../lib/trust.ts'
import {jsonText} from '../lib/visible.ts'
import {type Plan, parsePlan} from './plan.ts'
import {STEPS} from './registry.ts'

/** Far more than a plan for the largest machine. */
const PLAN_LIMIT = 64 * 1024 * 1024

/** Save a plan for apply, readable by all and writable by its owner. Throws UserError. */
export async function savePlan(path: string, plan: Plan): Promise<void> {
  await writeOutput(path, `${jsonText(plan, 2)}\n`).catch(refuse('write', path))
}

/**
 * Load a plan that was saved on this machine. Only root, this user, and the user who called sudo may
 * be able to write to it. Throws UserError with the reason when it is not such a plan.
 */
export async function loadPlan(path: string, host: string): Promise<Plan> {
  const owners = [process.geteuid?.(), callingUser()].filter((uid) => uid !== undefined)
  const trust = {
    what: 'the plan',
    owners,
    help: 'somebody else could have changed it: make a new one in a directory that only you can write to',
  }
  await requireTrusted(path, trust)
  const text = await readRegular(path, {
    limit: PLAN_LIMIT,
    check: (file) => requireTrustedFile(file, path, trust),
  }).catch(refuse('read', path))
  return parsePlan(text, {path, host, steps: STEPS})
}

const refuse = (verb: string, path: string) => (cause: unknown) => {
  if (cause instanceof UserError && cause.code === 'not-trusted') throw cause
  const code = cause instanceof UserError ? cause.code : errnoOf(cause)
  throw new UserError(`cannot ${verb} the plan ${path}: ${code ?? 'EIO'}`, {
    ...(cause instanceof UserError && cause.exit !== 69 ? {exit: cause.exit} : {}),
    help: 'make a plan with: isolctl plan --out FILE',
    cause,
  })
}
