// SPDX-License-Identifier: MIT

import {describe, expect, it} from 'vitest'
import {type Host, HostError} from '../../src/host/host.ts'
import {Interrupted} from '../../src/lib/errors.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {JOURNAL} from '../../src/model/journal.ts'
import type {Settings} from '../../src/model/settings.ts'
import {changeCount, makePlan} from '../../src/plan/plan.ts'
import {STEPS} from '../../src/plan/registry.ts'
import {applyExit, applyFailure, applyReport} from '../../src/report/apply.ts'
import {ApplySchema} from '../../src/schema/machine.ts'
import {alive, applyAll, contents, machine, planOf, set, undoAll} from './machine.ts'

const IRQ = '/proc/irq/24/smp_affinity_list'
const OTHER = '/proc/irq/31/smp_affinity_list'
const before = {[IRQ]: '0-7\n', [OTHER]: '4\n'}
const irq = (path: string, from: string) => set(path, from, '0-1', {format: 'cpulist', refusable: true})

const settings: Settings = {
  isolated: CpuSet.parse('2-7'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'other'},
  windowMs: 1000,
}

const server = {
  '/proc/sys/kernel/random/boot_id': 'boot\n',
  '/proc/irq/default_smp_affinity': 'ff\n',
  [IRQ]: '0-7\n',
  '/proc/irq/24/effective_affinity_list': '3\n',
  '/sys/kernel/irq/24/actions': 'nvme0q3\n',
  [OTHER]: '4\n',
  '/sys/kernel/irq/31/actions': 'eth0-rx-2\n',
  '/sys/devices/virtual/workqueue/cpumask': 'ff\n',
}

/** A host on which a write to this path behaves differently. */
const writing = (host: Host, path: string, write: (value: string) => Promise<void>): Host => ({
  ...host,
  set: (to, value) => (to === path ? write(value) : host.set(to, value)),
})

describe('apply', () => {
  it('leaves an empty plan', async () => {
    const m = machine(server)
    const plan = await makePlan(m.host, {settings, steps: STEPS})
    expect(changeCount(plan)).toBe(4)
    expect((await applyAll(plan, m.under(alive))).outcome.status).toBe('applied')
    const again = await makePlan(m.host, {settings, steps: STEPS})
    expect(changeCount(again)).toBe(0)
    await undoAll(m.under(alive))
    const trimmed = (files: Record<string, string>) =>
      Object.entries(files).map(([path, text]) => [path, text.trim()])
    expect(trimmed(contents(m))).toEqual(trimmed(server))
  })

  it('writes nothing when the value is there already, in any spelling', async () => {
    const m = machine({[IRQ]: '0,1\n'})
    const {events} = await applyAll(planOf([irq(IRQ, '0-7')]), m.under(alive))
    expect(events).toContainEqual(expect.objectContaining({type: 'change', result: 'same'}))
    expect(contents(m)).toEqual({[IRQ]: '0,1\n'})
    expect(m.journal.text).not.toContain('intent')
  })

  it.each(['EIO', 'EPERM'])(
    'treats %s from an affinity as a refusal, and does not try again',
    async (code) => {
      const m = machine(server)
      const options = m.under(alive)
      const host = writing(options.host, IRQ, async () => {
        throw new HostError(code, IRQ, 'cannot write')
      })
      const plan = await makePlan(m.host, {settings, steps: STEPS})
      const {events, outcome} = await applyAll(plan, {...options, host})
      expect(outcome.status).toBe('applied')
      const report = ApplySchema.parse(applyReport(plan, events))
      expect(report.changes.map(({result}) => result)).toEqual(['done', 'refused', 'done', 'done'])
      const later = await makePlan(
        {...m.host, read: async (path) => (path === JOURNAL ? m.journal.text : m.host.read(path))},
        {settings, steps: STEPS},
      )
      expect(changeCount(later)).toBe(0)
      expect(later.steps[0]?.notes.map(({subject}) => subject)).toEqual(['irq 24 (nvme0q3)'])
    },
  )

  it('treats EPERM from any other file as a failure', async () => {
    const m = machine(server)
    const options = m.under(alive)
    const path = '/sys/devices/virtual/workqueue/cpumask'
    const host = writing(options.host, path, async () => {
      throw new HostError('EPERM', path, 'cannot write')
    })
    const plan = await makePlan(m.host, {settings, steps: STEPS})
    const {events, outcome} = await applyAll(plan, {...options, host})
    expect(outcome.status).toBe('undone')
    const report = ApplySchema.parse(applyReport(plan, events))
    expect(applyExit(report)).toBe(4)
    expect(report.undone).toHaveLength(3)
    expect(applyFailure(report)?.message).toBe(
      `apply stopped at workqueue-cpumask: cannot write ${path}: EPERM; the machine is as it was`,
    )
  })

  it('changes nothing when any path differs from the plan', async () => {
    const m = machine({...before, [OTHER]: '5\n'})
    await expect(applyAll(planOf([irq(IRQ, '0-7'), irq(OTHER, '4')]), m.under(alive))).rejects.toMatchObject({
      code: 'stale-plan',
      exit: 4,
      message: `${OTHER} changed since the plan was made: planned on "4", it is "5"`,
    })
    expect(contents(m)).toEqual({...before, [OTHER]: '5\n'})
    expect(m.journal.text).toBe('')
  })

  it('stops and undoes when a path changes during the run', async () => {
    const m = machine(before)
    const options = m.under(alive)
    const host = writing(options.host, IRQ, async (value) => {
      await options.host.set(IRQ, value)
      m.memory.files.set(OTHER, '7\n')
    })
    const {outcome} = await applyAll(planOf([irq(IRQ, '0-7'), irq(OTHER, '4')]), {...options, host})
    expect(outcome).toMatchObject({status: 'undone', error: {code: 'stale-plan'}})
    expect(contents(m)).toEqual({[IRQ]: '0-7', [OTHER]: '7\n'})
  })

  it('fails when a value reads back differently', async () => {
    const m = machine(before)
    const options = m.under(alive)
    const host = writing(options.host, OTHER, async () => {})
    const {outcome} = await applyAll(planOf([irq(IRQ, '0-7'), irq(OTHER, '4')]), {...options, host})
    expect(outcome).toMatchObject({
      status: 'undone',
      error: {message: `wrote "0-1" to ${OTHER}, and it reads back as "4"`},
    })
  })

  it('continues on EBUSY when the change is marked for it', async () => {
    const fair = '/sys/kernel/debug/sched/fair_server/cpu2/runtime'
    const m = machine({[fair]: '50000000\n'})
    const options = m.under(alive)
    const host = writing(options.host, fair, async () => {
      throw new HostError('EBUSY', fair, 'cannot write')
    })
    const off = (more: object) => planOf([set(fair, '50000000', '0', more)])
    const {events, outcome} = await applyAll(off({refusable: 'busy'}), {...options, host})
    expect(outcome.status).toBe('applied')
    expect(events).toContainEqual(
      expect.objectContaining({result: 'refused', reason: expect.stringContaining('EBUSY')}),
    )
    expect((await applyAll(off({}), {...options, host})).outcome.status).toBe('undone')
  })

  it('undoes a choice with one word: the kernel does not accept its own list', async () => {
    const path = '/sys/kernel/mm/transparent_hugepage/enabled'
    const m = machine({[path]: '[always] madvise never\n'})
    const madvise = set(path, '[always] madvise never', 'madvise', {format: 'choice'})
    expect((await applyAll(planOf([madvise]), m.under(alive))).outcome.status).toBe('applied')
    expect(contents(m)).toEqual({[path]: 'always [madvise] never\n'})
    expect(await undoAll(m.under(alive))).toMatchObject([{result: 'undone'}])
    expect(contents(m)).toEqual({[path]: '[always] madvise never\n'})
  })

  it('reports when not everything could be undone', async () => {
    const m = machine(before)
    const options = m.under(alive)
    let writes = 0
    const stuck = writing(options.host, IRQ, async (value) => {
      if (writes++ > 0) throw new HostError('EBUSY', IRQ, 'cannot write')
      await options.host.set(IRQ, value)
    })
    const host = writing(stuck, OTHER, async () => {
      throw new HostError('ENOSPC', OTHER, 'cannot write')
    })
    const plan = planOf([irq(IRQ, '0-7'), irq(OTHER, '4')])
    const {outcome, events} = await applyAll(plan, {...options, host})
    expect(outcome.status).toBe('not-undone')
    expect(applyExit(applyReport(plan, events))).toBe(5)
  })

  it('reports an interrupt that has not moved yet, and does not fail', async () => {
    const m = machine(server)
    const plan = await makePlan(m.host, {settings, steps: STEPS})
    const {events, outcome} = await applyAll(plan, m.under(alive))
    expect(outcome.status).toBe('applied')
    expect(events).toContainEqual(expect.objectContaining({type: 'pending', effective: '3'}))
    const report = ApplySchema.parse(applyReport(plan, events))
    expect(report.changes.find(({subject}) => subject === IRQ)?.pending).toBe('3')
  })

  it('finishes the current change on Ctrl-C, and undoes the run', async () => {
    const m = machine(before)
    const options = m.under(alive)
    const controller = new AbortController()
    const host = writing(options.host, IRQ, async (value) => {
      controller.abort(new Interrupted())
      await options.host.set(IRQ, value)
    })
    const plan = planOf([irq(IRQ, '0-7'), irq(OTHER, '4')])
    const {events, outcome} = await applyAll(plan, {...options, host, signal: controller.signal})
    expect(outcome.status).toBe('undone')
    expect(events.map(({type}) => type)).toEqual(['step', 'change', 'failed', 'undo', 'end'])
    expect(contents(m)).toEqual({...before, [IRQ]: '0-7'})
    expect(applyExit(applyReport(plan, events))).toBe(130)
  })
})
