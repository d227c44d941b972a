// SPDX-License-Identifier: MIT
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {stalePages} from '../../scripts/docs.ts'
import {CHECK_GROUPS, CHECKS} from '../../src/checks/registry.ts'
import {COMMAND_IDS} from '../../src/commands/index.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {commandOf} from '../../src/model/finding.ts'
import {STEP_IDS} from '../../src/model/steps.ts'
import {STEPS} from '../../src/plan/registry.ts'
import {explanation} from '../../src/report/explain.ts'

const FRAME = ['check.ts', 'reaching.ts', 'registry.ts', 'run.ts', 'select.ts']

test('every file is a check of that name, and every check is registered', async () => {
  const files = (await readdir(join(packageRoot, 'src/checks'))).filter((file) => !FRAME.includes(file))
  expect(files.toSorted()).toEqual(CHECKS.map(({id}) => `${id}.ts`).toSorted())
})

test('the checks are grouped by subject, and the proof comes last', () => {
  expect(CHECK_GROUPS.map(({subject}) => subject)).toEqual([
    ...['kernel', 'boot arguments', 'CPUs', 'interrupts'],
    ...['threads and work', 'memory', 'devices', 'proof'],
  ])
  for (const {checks, answer} of CHECK_GROUPS) if (answer) expect(checks).toContain(answer)
  const measuring = CHECKS.filter(({active}) => active)
  expect(CHECK_GROUPS.at(-1)?.checks).toEqual(expect.arrayContaining(measuring))
})

test.for(CHECKS)(
  '$id has a title that fits on a line, and a reason, and says what its values mean',
  ({id, title, why, values, reference}) => {
    expect(id).toMatch(/^[a-z0-9-]{1,27}$/)
    expect(title.length).toBeLessThanOrEqual(49)
    expect(title).toMatch(/[^.]$/)
    expect(why).toMatch(/\.$/)
    expect(values).toMatch(/\.$/)
    expect(reference).toBeTruthy()
  },
)

test.for(CHECKS)('$id: a remedy with an isolctl command names one that exists', (check) => {
  const {remedy} = explanation(check)
  const command = remedy && commandOf(remedy)
  const [, name, step] = /^isolctl (\S+)(?: --only (\S+))?$/.exec(command ?? '') ?? []
  if (command?.startsWith('isolctl')) expect(name).toBeDefined()
  if (name !== undefined) expect(COMMAND_IDS).toContain(name)
  if (step !== undefined) expect(STEPS.map(({id}) => id)).toContain(step)
})

test('a check of the proof measures, and runs without --extended', () => {
  const proof = CHECKS.filter(({proof}) => proof)
  expect(proof.length).toBeGreaterThan(0)
  for (const {id, facts, extended} of proof) {
    expect(Object.values(facts as Record<string, {readonly id: string}>), id).toContainEqual(
      expect.objectContaining({id: expect.stringMatching(/^(busy|watched)$/)}),
    )
    expect(extended, id).toBeUndefined()
  }
})

test('the steps that a remedy may name are those of apply, in the same order', () => {
  expect(STEPS.map(({id}) => id)).toEqual(STEP_IDS)
})

test('generated pages are up to date', async () => {
  expect(await stalePages()).toEqual([])
}, 30_000) // one of them is printed by a C program
