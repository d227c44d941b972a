// SPDX-License-Identifier: MIT

import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import type {Irq} from '../../src/facts/irqs.ts'
import type {ManagementNic} from '../../src/facts/management.ts'
import {ChangeSchema, cpusOf} from '../../src/model/change.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import type {Settings} from '../../src/model/settings.ts'
import {irqAffinity} from '../../src/plan/steps/irq-affinity.ts'
import {workqueueCpumask} from '../../src/plan/steps/workqueue-cpumask.ts'

const settingsFor = (isolated: CpuSet, online: CpuSet): Settings => ({
  isolated,
  housekeeping: online.minus(isolated),
  policy: {kind: 'other'},
  windowMs: 1,
})
const settings = settingsFor(CpuSet.parse('2-7'), CpuSet.parse('0-7'))

const irq = (number: number, affinity: CpuSet, more: Partial<Irq> = {}): Irq => ({
  irq: number,
  actions: [`dev${number}`],
  affinity,
  affinityText: `${affinity}`,
  ...more,
})

const planIrqs = (
  irqs: readonly Irq[],
  {
    mask = 'ff',
    asked = settings,
    refused = new Map<string, string>(),
    nics = [] as readonly ManagementNic[],
  } = {},
) =>
  irqAffinity.plan({
    settings: asked,
    irqs,
    irqDefault: {affinity: CpuSet.fromMask(mask), text: mask},
    refused,
    managementNics: nics,
  })

const cpus = fc.uniqueArray(fc.integer({min: 0, max: 140}), {minLength: 1, maxLength: 40}).map(CpuSet.from)

describe('irq-affinity', () => {
  it('never moves an interrupt to an isolated CPU, and always to an online one', () => {
    fc.assert(
      fc.property(cpus, cpus, fc.array(cpus, {maxLength: 8}), (isolated, extra, affinities) => {
        const asked = settingsFor(isolated.minus(CpuSet.of(0)), isolated.union(extra).union(CpuSet.of(0)))
        const mask = isolated.toMask('ffffffff,ffffffff,ffffffff,ffffffff,ffffffff')
        const {changes} = planIrqs(
          affinities.map((affinity, n) => irq(n, affinity)),
          {asked, mask},
        )
        for (const change of changes.map((each) => ChangeSchema.parse(each))) {
          if (change.kind !== 'set' || (change.format !== 'cpulist' && change.format !== 'cpumask'))
            throw new Error('an affinity is a CPU set')
          const to = cpusOf(change.format, change.to) ?? CpuSet.empty
          expect(to.intersect(asked.isolated).isEmpty).toBe(true)
          expect(to.intersect(asked.housekeeping).isEmpty).toBe(false)
        }
        const touching = affinities.filter((affinity) => !affinity.intersect(asked.isolated).isEmpty)
        expect(changes.filter(({kind, ...c}) => kind === 'set' && 'refusable' in c)).toHaveLength(
          touching.length,
        )
      }),
    )
  })

  it('keeps the housekeeping CPUs of a narrower affinity', () => {
    const {changes} = planIrqs([irq(24, CpuSet.parse('1,4')), irq(25, CpuSet.parse('5'))], {mask: '03'})
    expect(changes).toMatchObject([{to: '1'}, {to: '0-1'}])
  })

  it('writes the default mask as wide as it was', () => {
    const {changes} = planIrqs([], {mask: '0000ffff,ffffffff'})
    expect(changes).toMatchObject([{from: '0000ffff,ffffffff', to: '0000ffff,ffffff03'}])
  })

  it('does not move what the kernel places, and adds a note', () => {
    const path = '/proc/irq/37/smp_affinity_list'
    const irqs = [irq(36, CpuSet.parse('4'), {movable: false}), irq(37, CpuSet.parse('5'))]
    const {changes, notes} = planIrqs(irqs, {mask: '03', refused: new Map([[path, 'no']])})
    expect(changes).toEqual([])
    expect(notes?.map(({subject}) => subject)).toEqual(['irq 36 (dev36)', 'irq 37 (dev37)'])
  })

  it('has no note for interrupts that stay on housekeeping CPUs', () => {
    expect(planIrqs([irq(36, CpuSet.parse('0'), {movable: false})], {mask: '03'})).toEqual({
      changes: [],
      notes: [],
    })
  })
})

describe('workqueue-cpumask', () => {
  const planWq = (mask: string, requested?: string) =>
    workqueueCpumask.plan({
      settings,
      workqueues: {
        cpumask: CpuSet.fromMask(mask),
        cpumaskText: mask,
        ...(requested === undefined ? {} : {requested: CpuSet.fromMask(requested), requestedText: requested}),
      },
    })

  it('removes the isolated CPUs from the mask', () => {
    expect(planWq('ff').changes).toMatchObject([{from: 'ff', to: '03', format: 'cpumask'}])
    expect(planWq('03').changes).toEqual([])
    expect(planWq('fc').changes).toMatchObject([{to: '03'}])
  })

  it('has a note when undo cannot restore the requested mask', () => {
    expect(planWq('ff', 'ff').notes).toEqual([])
    expect(planWq('0f', 'ff').notes).toHaveLength(1)
  })
})
