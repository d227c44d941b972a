// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import type {Circumstances} from '../../src/measure/circumstances.ts'
import type {CpuMovement} from '../../src/measure/counters.ts'
import {explain} from '../../src/measure/explain.ts'
import {CpuSet} from '../../src/model/cpuset.ts'

const facts: Circumstances = {
  isolated: CpuSet.of(2),
  housekeeping: CpuSet.of(0),
  policy: {kind: 'other'},
  isolate: false,
  nohzFull: CpuSet.of(2),
}
const moved = (changes: Partial<CpuMovement> = {}): CpuMovement => ({
  cpu: 2,
  seconds: 1,
  interrupts: [],
  switches: 0,
  voluntary: 0,
  involuntary: 0,
  waitedNs: 0,
  ran: [],
  stealMs: 0,
  ...changes,
})
const task = {tid: 77, comm: 'rival', kernel: false, fixed: false, worker: false, switches: 1}
const irq = {name: '24', class: 'device' as const, label: 'PCI-MSIX-0000:00:05.0 1-edge nvme0q1', count: 1}
const call = {name: 'CAL', class: 'call' as const, label: 'Function call interrupts', count: 1}
const ids = (gaps: number[], movement: CpuMovement) => explain(gaps, movement, facts).map(({id}) => id)

describe('a gap', () => {
  test('in which nothing moved is not explained', () => {
    expect(explain([30_000], moved(), facts)).toMatchObject([
      {id: 'unexplained', sentence: expect.stringContaining('hardware, firmware or a hypervisor')},
    ])
  })
  test('is the task that ran, by name', () => {
    const movement = moved({switches: 1, involuntary: 1, waitedNs: 5e6, ran: [task]})
    expect(explain([5e6], movement, facts)).toMatchObject([{id: 'other-task', label: 'rival [77]'}])
  })
  test('is not a task that ran for less time', () => {
    expect(ids([5e6], moved({switches: 1, involuntary: 1, waitedNs: 1e6, ran: [task]}))).toEqual([
      'unexplained',
    ])
  })
  test('is a task only as often as something was switched in', () => {
    const movement = moved({switches: 1, involuntary: 1, waitedNs: 5e6, ran: [task], interrupts: [irq]})
    expect(ids([4.99e6, 40_000], movement)).toEqual(['other-task', 'device-irq'])
  })
  test('is one of several things that moved, and no one is picked', () => {
    const [one] = explain([40_000], moved({interrupts: [irq, call]}), facts)
    expect(one).toMatchObject({id: 'one-of', label: 'irq 24 (nvme0q1) or function call IPI'})
  })
  test('is an interrupt only as often as one was counted', () => {
    expect(ids([50_000, 40_000, 30_000], moved({interrupts: [{...irq, count: 2}]}))).toEqual([
      'device-irq',
      'device-irq',
      'unexplained',
    ])
  })
  test('is the spinner that was stopped, if it gave the CPU up itself', () => {
    expect(ids([3e8], moved({switches: 1, voluntary: 1}))).toEqual(['stopped'])
  })
  test('is a stop on a busy CPU as well, where the spinner waits for other tasks', () => {
    const movement = moved({switches: 9, voluntary: 1, involuntary: 8, waitedNs: 1.2e9, ran: [task]})
    expect(ids([1.6e9, 4e8, 4e8], movement)).toEqual(['stopped', 'other-task', 'other-task'])
  })
  test('is the hypervisor, as long as steal time lasts', () => {
    expect(ids([3e7, 3e7], moved({stealMs: 30}))).toEqual(['hypervisor', 'unexplained'])
  })
})
