// SPDX-License-Identifier: MIT
import {expect, it} from 'vitest'
import type {Host} from '../../src/host/host.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {changeCount, makePlan} from '../../src/plan/plan.ts'
import {chooseSteps} from '../../src/plan/registry.ts'
import {LARGE, largeFiles} from '../support/large.ts'
import {alive, applyAll, machine, undoAll} from './machine.ts'

const settings = {
  isolated: CpuSet.parse(LARGE.isolated),
  housekeeping: CpuSet.parse(LARGE.housekeeping),
  policy: {kind: 'other'},
  windowMs: 1000,
} as const

it('on a large machine, apply makes one write per changed value, and so does undo', {
  timeout: 120_000,
}, async () => {
  const files = largeFiles()
  const m = machine(files)
  const folders = tree(Object.keys(files))
  const writes = new Map<string, number>()
  // The memory host searches all its files to list a directory; this one has an index.
  const counting: Host = {
    ...m.memory,
    list: async (path) => folders.get(path) ?? [],
    isFolder: async (path) => folders.has(path),
    set: async (path, value) => {
      writes.set(path, (writes.get(path) ?? 0) + 1)
      await m.memory.set(path, value)
    },
  }
  const plan = await makePlan(counting, {settings, ...chooseSteps({})})
  const count = changeCount(plan)
  // All interrupts, and for each isolated CPU the fair server, the governor and the wake-up
  // latency.
  expect(count).toBeGreaterThanOrEqual(LARGE.irqs + 3 * settings.isolated.size)
  const options = {...m.under(alive), host: counting}
  expect((await applyAll(plan, options)).outcome.status).toBe('applied')
  expect(writes.size).toBe(count)
  expect([...writes.values()].every((times) => times === 1)).toBe(true)
  // The number of lines: begin, intent and done for each change, end.
  expect(m.journal.text.split('\n')).toHaveLength(2 * count + 2 + 1)
  writes.clear()
  await undoAll({...m.under(alive), host: counting})
  expect(writes.size).toBe(count)
  expect([...writes.values()].every((times) => times === 1)).toBe(true)
})

/** Directory to its entries. */
function tree(paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const folders = new Map<string, Set<string>>()
  for (const path of paths) {
    const names = path.split('/')
    for (let depth = 1; depth < names.length; depth++) {
      const folder = names.slice(0, depth).join('/') || '/'
      const inside = folders.get(folder) ?? new Set()
      inside.add(names[depth] ?? '')
      folders.set(folder, inside)
    }
  }
  return new Map([...folders].map(([folder, inside]) => [folder, [...inside]]))
}
