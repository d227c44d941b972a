// SPDX-License-Identifier: MIT
import {UserError} from '../lib/errors.ts'
import {didYouMean} from '../lib/nearest.ts'
import type {Check} from './check.ts'

export interface Selection {
  readonly only?: readonly string[] | undefined
  readonly skip?: readonly string[] | undefined
  readonly allow?: readonly string[] | undefined
  /** Also those that are `extended`. */
  readonly extended?: boolean | undefined
}

/**
 * The chosen checks, in the order of the registry, and the ids whose failures are allowed. Throws
 * UserError for an unknown id.
 */
export function selectChecks(
  checks: readonly Check[],
  {only, skip = [], allow = [], extended = false}: Selection,
): {readonly selected: readonly Check[]; readonly allow: ReadonlySet<string>} {
  for (const id of [...(only ?? []), ...skip, ...allow]) findCheck(checks, id)
  const selected = checks.filter(
    (check) => (only?.includes(check.id) ?? (extended || !check.extended)) && !skip.includes(check.id),
  )
  if (selected.length === 0)
    throw new UserError('no check is left to run', {help: 'leave out --skip, or name others with --only'})
  return {selected, allow: new Set(allow)}
}

export function findCheck(checks: readonly Check[], id: string): Check {
  const check = checks.find((candidate) => candidate.id === id)
  if (check) return check
  const ids = checks.map((candidate) => candidate.id)
  throw new UserError(`no check is called "${id}"`, {
    code: 'unknown-check',
    help: didYouMean(id, ids) ?? 'isolctl explain lists all of them',
  })
}
