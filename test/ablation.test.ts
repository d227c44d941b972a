// SPDX-License-Identifier: MIT
/**
 * Absent is not fine: no file of a machine can be removed, emptied or damaged so that a check passes
 * that did not pass before, or a step has nothing to do that had. `npm run bench -- ablation` does it
 * with every file of every machine at hand; here each run takes a part of them.
 */
import {readdirSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {captured} from '../src/host/captured.ts'
import type {HostView} from '../src/host/host.ts'
import {memoryHost} from '../src/host/memory.ts'
import {CpuSet} from '../src/model/cpuset.ts'
import {OUTCOMES} from './checks/machines.ts'
import {ablate, DAMAGES} from './support/ablation.ts'
import {changed, givens, goodFiles} from './support/machine.ts'

const HOSTS = join(import.meta.dirname, 'hosts/lab')

/** Each run takes another part, and prints which, so that a failure can be repeated. */
const seed = Number(process.env['ISOLCTL_SEED'] ?? Math.floor(Math.random() * 1000))
const oneIn = (parts: number) => (_path: string, index: number) => (index + seed) % parts === 0

const SETTINGS = {isolated: CpuSet.parse('2-3'), housekeeping: CpuSet.parse('0-1')}

/** A capture from before events/enable was read: nothing in it tells an emptied set_event. */
const OLD = ['traced.tgz']

describe(`one file of a capture is damaged (ISOLCTL_SEED=${seed})`, () => {
  test.for(readdirSync(HOSTS))('%s', {timeout: 120_000}, async (name) => {
    for (const policy of [{kind: 'other'}, {kind: 'fifo', priority: 50}] as const) {
      const {runs, violations} = await ablate(
        captured(join(HOSTS, name)),
        givens({...SETTINGS, policy}, {spin: false}),
        {chosen: oneIn(6)},
      )
      expect(runs).toBeGreaterThan(100)
      expect(
        violations.filter(
          ({path, damage}) => !(OLD.includes(name) && damage === 'empty' && path.endsWith('/set_event')),
        ),
      ).toEqual([])
    }
  })
})

/** In a complete capture, a file that is absent was absent on the machine. */
const WAYS: readonly (readonly [name: string, extra: Partial<HostView>, damages: readonly string[]])[] = [
  ['a partial capture', {}, Object.keys(DAMAGES)],
  ['a complete capture', {complete: true}, Object.keys(DAMAGES).filter((damage) => damage !== 'removed')],
]

describe(`one file of a bad machine is damaged (ISOLCTL_SEED=${seed})`, () => {
  test.for(WAYS)('%s', {timeout: 240_000}, async ([, extra, damages]) => {
    const violations: unknown[] = []
    for (const [id, {bad, unknown}] of Object.entries(OUTCOMES))
      for (const {change = {}, over = {}, how = {}, mode} of [bad, unknown]) {
        // Files of this check's machine, and a part of those that all machines share.
        const host = {
          ...memoryHost(changed(change)),
          ...extra,
          ...(mode === undefined ? {} : {mode: async () => mode}),
        }
        const own = (path: string) => Object.keys(change).some((each) => path.startsWith(each))
        const result = await ablate(host, givens(over, {...how, spin: false}), {
          damages,
          chosen: (path, index) => own(path) || oneIn(60)(path, index),
        })
        violations.push(...result.violations.map((each) => ({machine: id, ...each})))
      }
    expect(violations).toEqual([])
  })
})

test('a machine that is tuned is not found in order without its files', async () => {
  const {violations} = await ablate(memoryHost(goodFiles()), givens({}, {spin: false}), {chosen: oneIn(2)})
  expect(violations).toEqual([])
})
