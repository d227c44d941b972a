// SPDX-License-Identifier: MIT
import {expect, it} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {CpuSet} from '../../../src/model/cpuset.ts'
import {JOURNAL} from '../../../src/model/journal.ts'
import type {Policy} from '../../../src/model/policy.ts'
import {makePlan} from '../../../src/plan/plan.ts'
import {fairServer} from '../../../src/plan/steps/fair-server.ts'

const runtime = (cpu: number) => `/sys/kernel/debug/sched/fair_server/cpu${cpu}/runtime`
const on = {[runtime(1)]: '50000000\n', [runtime(2)]: '50000000\n', [runtime(3)]: '0\n'}

const planned = (files: Record<string, string>, policy: Policy = {kind: 'other'}) =>
  makePlan(memoryHost({'/proc/sys/kernel/osrelease': '6.12.117\n', ...files}), {
    settings: {isolated: CpuSet.of(2, 3), housekeeping: CpuSet.of(0, 1), policy, windowMs: 1000},
    steps: [fairServer],
  })

it('turns off the server on isolated CPUs where it is on, and nowhere else', async () => {
  const {steps} = await planned(on)
  expect(steps[0]?.changes).toEqual([
    {kind: 'set', path: runtime(2), from: '50000000', to: '0', refusable: 'busy'},
  ])
})

it('does nothing for SCHED_FIFO, and on a kernel without a fair server', async () => {
  expect((await planned(on, {kind: 'fifo', priority: 1})).steps[0]?.changes).toEqual([])
  expect((await planned({'/sys/kernel/debug/sched/debug': ''})).steps[0]?.changes).toEqual([])
})

it('cannot be planned without debugfs, or when the warning would cause a panic', async () => {
  expect((await planned({})).unknown[0]?.reason).toContain('is debugfs mounted?')
  expect((await planned({...on, '/proc/sys/kernel/panic_on_warn': '1\n'})).unknown[0]?.reason).toContain(
    'panic_on_warn is set',
  )
})

it('is not tried again in a boot in which the kernel refused it', async () => {
  const change = {kind: 'set', path: runtime(2), from: '50000000', to: '0', refusable: 'busy'}
  const at = '2026-11-24T12:00:00.000Z'
  const entries = [
    {
      op: 'begin',
      schema: 'isolctl.journal/1',
      at,
      run: 'a',
      command: 'apply',
      bootId: 'b',
      pid: 1,
      isolctl: '1',
    },
    {op: 'intent', at, seq: 1, step: 'fair-server', change},
    {op: 'refused', at, seq: 1, reason: 'EBUSY'},
  ]
  const journal = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
  const boot = (id: string) => ({...on, [JOURNAL]: journal, '/proc/sys/kernel/random/boot_id': `${id}\n`})
  expect((await planned(boot('b'))).steps[0]).toMatchObject({changes: [], notes: [{subject: runtime(2)}]})
  expect((await planned(boot('another'))).steps[0]?.changes).toHaveLength(1)
})
