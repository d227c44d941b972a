// SPDX-License-Identifier: MIT
import {closeSync, openSync} from 'node:fs'
import {chmod, chown, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, it, test} from 'vitest'
import {CHECKS} from '../../src/checks/registry.ts'
import {commandOf} from '../../src/model/finding.ts'
import {type Plan, parsePlan} from '../../src/plan/plan.ts'
import {loadPlan} from '../../src/plan/plan-file.ts'
import {STEPS} from '../../src/plan/registry.ts'
import {planOf, set} from './machine.ts'

const plan = planOf([set('/proc/irq/1/smp_affinity_list', '0-7', '0-1', {format: 'cpulist'})])
const read = (value: unknown, host = 'memory') =>
  parsePlan(typeof value === 'string' ? value : JSON.stringify(value), {
    path: 'plan.json',
    host,
    steps: STEPS,
  })

const withChange = (change: object): object => ({
  ...plan,
  steps: plan.steps.map((step) => ({...step, changes: [change]})),
})

it('is the same after saving and loading', () => {
  expect(read(plan)).toEqual(plan satisfies Plan)
})

test.for([
  ['no JSON', '{', 'not a plan'],
  ['another schema', {...plan, schema: 'isolctl.plan/2'}, 'at schema'],
  ['an unknown key', {...plan, force: true}, 'not a plan'],
  ['an invalid CPU list', {...plan, isolated: '2-'}, 'not a cpulist (at isolated)'],
  ['an unknown step', {...plan, steps: [{...plan.steps[0], id: 'rm'}]}, 'no step "rm"'],
  [
    'a value outside of procfs and sysfs',
    withChange({kind: 'set', path: '/etc/passwd', from: '', to: ''}),
    'not below',
  ],
  [
    'a path that climbs out',
    withChange({kind: 'set', path: '/proc/../etc/passwd', from: '', to: ''}),
    'plain absolute',
  ],
  [
    'a path through a process',
    withChange({kind: 'set', path: '/proc/self/root/etc/passwd', from: '', to: ''}),
    'leads through a process',
  ],
  [
    'a command that no step runs',
    withChange({kind: 'run', argv: ['sh', '-c', 'id'], undo: null}),
    'no step of isolctl runs sh -c id',
  ],
  [
    'a command that only undo runs',
    withChange({kind: 'run', argv: null, undo: ['sh', '-c', 'id']}),
    'no step of isolctl runs sh -c id',
  ],
  ['a relative file', withChange({kind: 'file', path: 'etc/x', from: null, to: ''}), 'plain absolute'],
  ['a command that is no list', withChange({kind: 'run', argv: 'rm -rf /', undo: null}), 'not a plan'],
] as const)('refuses %s', ([, value, message]) => {
  expect(() => read(value)).toThrow(message)
})

it('refuses the plan of another machine', () => {
  expect(() => read(plan, 'rt-08')).toThrow('the plan was made on memory; this is rt-08')
})

it('has checks and steps that refer to each other', () => {
  const known = CHECKS.map(({id}) => id)
  for (const {check} of STEPS) expect(known).toContain(check)
  const remedies = CHECKS.flatMap(({remedy}) => (typeof remedy === 'object' ? [commandOf(remedy) ?? ''] : []))
  const steps = remedies.flatMap((command) => /^isolctl apply --only (\S+)/.exec(command)?.[1] ?? [])
  for (const step of steps) expect(STEPS.map(({id}) => id)).toContain(step)
  expect(steps.length).toBeGreaterThan(0)
  expect(new Set(STEPS.map(({id}) => id)).size).toBe(STEPS.length)
})

test('a file that is open and has no path any more is refused if others can write to it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  const path = join(folder, 'plan.json')
  await writeFile(path, JSON.stringify(plan), {mode: 0o600})
  const opened = openSync(path, 'r')
  const load = () => loadPlan(`/proc/self/fd/${opened}`, 'memory')
  try {
    expect(await load()).toEqual(plan)
    await chmod(path, 0o666)
    await rm(path)
    await expect(load()).rejects.toMatchObject({code: 'not-trusted', exit: 69})
  } finally {
    closeSync(opened)
    await rm(folder, {recursive: true})
  }
})

test.runIf(process.geteuid?.() === 0)('a plan of another user is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  try {
    await writeFile(join(folder, 'plan.json'), JSON.stringify(plan), {mode: 0o600})
    await chown(join(folder, 'plan.json'), 1234, 1234)
    await expect(loadPlan(join(folder, 'plan.json'), 'memory')).rejects.toMatchObject({code: 'not-trusted'})
  } finally {
    await rm(folder, {recursive: true})
  }
})
