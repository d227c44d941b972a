// SPDX-License-Identifier: MIT
import {describe, expect, it, test} from 'vitest'
import {given} from '../../src/facts/fact.ts'
import {invocation} from '../../src/facts/invocation.ts'
import type {Change} from '../../src/model/change.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {agreed} from '../../src/plan/agree.ts'
import {outOfBounds} from '../../src/plan/bounds.ts'
import {makePlan, type Plan} from '../../src/plan/plan.ts'
import {STEPS} from '../../src/plan/registry.ts'
import {renderPlan} from '../../src/report/plan.ts'
import {untunedFiles} from '../support/untuned.ts'
import {alive, applyAll, machine} from './machine.ts'

const planOf = (m: ReturnType<typeof machine>, isolated = '2-3') =>
  makePlan(m.host, {
    settings: {
      isolated: CpuSet.parse(isolated),
      housekeeping: CpuSet.parse('0-1'),
      policy: {kind: 'other'},
      windowMs: 1,
    },
    steps: STEPS.filter(({id}) =>
      ['irqbalance-ban', 'irq-affinity', 'workqueue-cpumask', 'persistence'].includes(id),
    ),
    known: [given(invocation, {program: ['/usr/bin/node', '/opt/run.js'] as const, flags: []})],
  })

const changed = (plan: Plan, edit: (change: Change) => Change | undefined): Plan => ({
  ...plan,
  steps: plan.steps.map((step) => ({...step, changes: step.changes.flatMap((each) => edit(each) ?? [])})),
})

describe('a saved plan', () => {
  it('is taken when isolctl plans the same now', async () => {
    const m = machine(untunedFiles())
    const plan = await planOf(m)
    expect(await agreed(plan, await planOf(m), m.host)).toEqual(plan)
  })

  it('may be a part of the plan, and names the words of the plan that is made now', async () => {
    const m = machine(untunedFiles())
    const plan = await planOf(m)
    const part = {
      ...plan,
      steps: plan.steps.slice(1, 2).map((step) => ({...step, title: 'harmless', blast: 'none'})),
    }
    const taken = await agreed(part, plan, m.host)
    expect(taken.steps).toEqual(plan.steps.slice(1, 2))
  })

  it('needs nothing for a change that is in place', async () => {
    const m = machine(untunedFiles())
    const plan = await planOf(m)
    await applyAll({...plan, steps: plan.steps.filter(({id}) => id === 'workqueue-cpumask')}, m.under(alive))
    const taken = await agreed(plan, await planOf(m), m.host)
    expect(taken.steps.find(({id}) => id === 'workqueue-cpumask')?.changes).toEqual([])
  })

  const evil = ['sh', '-c', 'id >/tmp/owned'] as const
  test.for([
    ['another value', (c: Change) => (c.kind === 'set' ? {...c, to: '2'} : c)],
    [
      'another old value, which undo would write',
      (c: Change) => (c.kind === 'set' ? {...c, from: '7\n'} : c),
    ],
    ['another command', (c: Change) => (c.kind === 'run' && c.argv ? {...c, argv: evil} : c)],
    ['another command on undo', (c: Change) => (c.kind === 'run' ? {...c, undo: evil} : c)],
    ['another file', (c: Change) => (c.kind === 'file' ? {...c, to: `${c.to}ExecStart=/tmp/x\n`} : c)],
    ['another old file', (c: Change) => (c.kind === 'file' ? {...c, from: 'evil'} : c)],
    ['another path', (c: Change) => (c.kind === 'set' ? {...c, path: '/proc/sys/vm/stat_interval'} : c)],
    ['a file left out', (c: Change) => (c.kind === 'file' ? undefined : c)],
    ['a command left out', (c: Change) => (c.kind === 'run' ? undefined : c)],
  ] as const)('with %s is refused', async ([, edit]) => {
    const m = machine(untunedFiles())
    const fresh = await planOf(m)
    const saved = changed(fresh, edit as (change: Change) => Change | undefined)
    await expect(agreed(saved, fresh, m.host)).rejects.toMatchObject({code: 'stale-plan', exit: 4})
  })

  it('for other CPUs is refused, and names what differs', async () => {
    const m = machine(untunedFiles())
    await expect(agreed(await planOf(m, '3'), await planOf(m), m.host)).rejects.toThrow(
      /isolated CPUs 3, now 2-3; .*irq\/\d+\/smp_affinity_list/,
    )
  })

  it('with a step that is not planned now is refused', async () => {
    const m = machine(untunedFiles())
    const plan = await planOf(m)
    const without = {...plan, steps: plan.steps.filter(({id}) => id !== 'irqbalance-ban')}
    await expect(agreed(plan, without, m.host)).rejects.toThrow('systemctl daemon-reload')
  })
})

test.for<Change>([
  {kind: 'run', argv: ['sh', '-c', 'id'], undo: null},
  {kind: 'run', argv: null, undo: ['sh', '-c', 'id']},
  {kind: 'run', argv: ['systemctl', 'start', 'evil.service'], undo: null},
  {kind: 'run', argv: ['systemctl', 'daemon-reload --root=/tmp'], undo: null},
  {kind: 'run', argv: ['/tmp/systemctl', 'daemon-reload'], undo: null},
  {kind: 'run', argv: ['/tmp/bin/grub-mkconfig'], undo: null},
  {
    kind: 'run',
    argv: ['systemctl', 'set-property', '--runtime', 'user.slice', 'AllowedCPUs=0\nExecStart=x'],
    undo: null,
  },
  {kind: 'run', argv: null, undo: null, into: {path: '/boot/grub/grub.cfg', check: ['/tmp/x'], passes: []}},
  {
    kind: 'run',
    argv: null,
    undo: null,
    into: {path: '/etc/passwd', check: ['/usr/bin/grub-script-check'], passes: []},
  },
  {kind: 'file', path: '/etc/cron.d/x', from: null, to: 'evil'},
  {kind: 'file', path: '/etc/systemd/system/evil.service', from: null, to: 'evil'},
  {kind: 'file', path: '/root/.ssh/authorized_keys', from: null, to: 'evil'},
  {kind: 'folder', path: '/etc/evil', from: null, to: ''},
  {
    kind: 'grubenv',
    path: '/boot/grub/grubenv',
    name: 'kernelopts',
    from: null,
    to: 'x',
    editenv: '/tmp/editenv',
  },
  {kind: 'set', path: '/proc/sys/kernel/core_pattern', from: '', to: '|/tmp/x'},
  {kind: 'set', path: '/proc/sys/kernel/modprobe', from: '', to: '/tmp/x'},
  {kind: 'set', path: '/proc/sys/fs/suid_dumpable', from: '', to: '2'},
  {kind: 'set', path: '/sys/kernel/uevent_helper', from: '', to: '/tmp/x'},
  {kind: 'set', path: '/proc/sysrq-trigger', from: '', to: 'b'},
  {kind: 'set', path: '/proc/self/root/etc/passwd', from: '', to: 'x'},
  {kind: 'set', path: '/proc/irq/1/smp_affinity', effective: '/proc/kcore', from: '', to: '1'},
])('no step plans %j', (change) => {
  expect(outOfBounds(change)).toMatch(/^no step of isolctl (runs|writes) /)
})

test('the question of apply shows the commands of undo', async () => {
  const plan = await planOf(machine(untunedFiles()))
  const layout = {width: 80, verbose: false, applyCommand: 'isolctl apply'}
  const undone = plan.steps
    .flatMap(({changes}) => changes)
    .flatMap((c) => (c.kind === 'run' ? (c.undo ?? []) : []))
  expect(undone.length).toBeGreaterThan(0)
  const text = renderPlan(plan, {...layout, undo: true})
  expect(text).toContain('$ systemctl disable isolctl.service   (only on undo)')
  expect(text).toContain('$ systemctl try-restart irqbalance.service   (only on undo)')
  expect(renderPlan(plan, layout)).not.toContain('only on undo')
})
