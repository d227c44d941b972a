// SPDX-License-Identifier: MIT

import {describe, expect, test} from 'vitest'
import {CHECKS} from '../../src/checks/registry.ts'
import {type Result, runChecks} from '../../src/checks/run.ts'
import {findCheck} from '../../src/checks/select.ts'
import {type Case, machineOf, OUTCOMES} from './machines.ts'

async function judge(id: string, machine: Case): Promise<Result> {
  const run = runChecks([findCheck(CHECKS, id)], machineOf(machine).get, {clock: () => 0})
  for await (const result of run) return result
  throw new Error('no result')
}

const text = (result: Result) =>
  JSON.stringify(result, (key, value: unknown) => (key === 'check' ? undefined : value))

test('every check has a machine where it passes, one where it does not, and one where it is unknown', () => {
  expect(Object.keys(OUTCOMES).toSorted()).toEqual(CHECKS.map(({id}) => id).toSorted())
})

describe.for(Object.entries(OUTCOMES))('%s', ([id, {ok = {}, bad, unknown}]) => {
  test('passes', async () => {
    expect(text(await judge(id, ok))).toMatch(/"status":"ok"/)
  })

  test('does not pass', async () => {
    const result = await judge(id, bad)
    expect(text(result)).toMatch(/"status":"(fail|warn)"/)
    if (bad.says) expect(text(result)).toMatch(bad.says)
  })

  test('is unknown', async () => {
    const result = await judge(id, unknown)
    expect(text(result)).toMatch(/"status":"unknown"/)
    expect(text(result)).not.toMatch(/undefined|NaN|not a function|Cannot read prop/)
  })
})
