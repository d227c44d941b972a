// SPDX-License-Identifier: MIT
import {expect, it, test} from 'vitest'
import {CHECKS} from '../../src/checks/registry.ts'
import {commandOf} from '../../src/model/finding.ts'
import {type Plan, parsePlan} from '../../src/plan/plan.ts'
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
