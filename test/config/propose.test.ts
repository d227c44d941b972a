// SPDX-License-Identifier: MIT

import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {type ProposalFacts, propose} from '../../src/config/propose.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import type {Cpu} from '../../src/model/topology.ts'

/**
 * `nodes` nodes of `cores` cores of `threads` threads; the second threads are numbered after all
 * first threads.
 */
function server(nodes: number, cores: number, threads: number, offline: readonly number[] = []): Cpu[] {
  const first = nodes * cores
  return Array.from({length: first * threads}, (_, cpu) => {
    const core = cpu % first
    const siblings = CpuSet.from(
      Array.from({length: threads}, (_, thread) => core + thread * first).filter(
        (each) => !offline.includes(each),
      ),
    )
    return offline.includes(cpu)
      ? {cpu, online: false}
      : {cpu, online: true, node: Math.floor(core / cores), core, siblings}
  })
}

const proposed = (facts: ProposalFacts, wishes = {}) => {
  const {isolated, housekeeping} = propose(facts, wishes)
  return [`${isolated}`, `${housekeeping}`]
}

describe('the proposal', () => {
  it('isolates whole cores, and keeps one core of each node for housekeeping', () => {
    expect(proposed({cpus: server(1, 4, 1)})).toEqual(['1-3', '0'])
    expect(proposed({cpus: server(1, 4, 2)})).toEqual(['1-3,5-7', '0,4'])
    expect(proposed({cpus: server(2, 4, 2)})).toEqual(['1-3,5-7,9-11,13-15', '0,4,8,12'])
    expect(proposed({cpus: server(1, 2, 1)})).toEqual(['1', '0'])
  })

  it('does not use offline CPUs', () => {
    expect(proposed({cpus: server(1, 4, 2, [2, 5])})).toEqual(['1,3,6-7', '0,4'])
  })

  it('uses slower cores for housekeeping', () => {
    const kinds = {performance: CpuSet.parse('0-3'), efficient: CpuSet.parse('4-7')}
    expect(proposed({cpus: server(1, 8, 1), kinds})).toEqual(['1-3', '0,4-7'])
  })

  const cards = [
    {name: 'eth0', node: 0},
    {name: 'fast0', node: 1},
  ]
  it('isolates on the nodes of the network cards, when these are known', () => {
    const cpus = server(4, 2, 1)
    expect(proposed({cpus, nics: cards})).toEqual(['1,3', '0,2,4-7'])
    expect(proposed({cpus, nics: cards}, {near: 'fast0'})).toEqual(['3', '0-2,4-7'])
    const unknown = propose({cpus, nics: [...cards, {name: 'usb0', node: undefined}]})
    expect(`${unknown.isolated}`).toBe('1,3,5,7')
    expect(unknown.remarks).toEqual([
      'the nodes of the network cards are not known: all nodes were treated alike',
    ])
    expect(() => propose({cpus, nics: cards}, {near: 'eth9'})).toThrow('there is no network card eth9')
  })

  it('isolates no more cores than requested', () => {
    expect(proposed({cpus: server(1, 8, 2)}, {cores: 2})).toEqual(['1-2,9-10', '0,3-8,11-15'])
  })

  it('does not share a core with the boot CPU: a machine with one core has none to isolate', () => {
    expect(() => propose({cpus: server(1, 1, 2)})).toThrow('none of 2 CPUs can be isolated')
    expect(() => propose({cpus: server(2, 1, 1)})).toThrow('none of 2 CPUs can be isolated')
  })

  it('has one reason for every CPU, and never splits a core or isolates CPU 0', () => {
    const machines = fc.record({
      nodes: fc.integer({min: 1, max: 4}),
      cores: fc.integer({min: 1, max: 6}),
      threads: fc.integer({min: 1, max: 2}),
      offline: fc.uniqueArray(fc.integer({min: 1, max: 30}), {maxLength: 4}),
    })
    fc.assert(
      fc.property(machines, ({nodes, cores, threads, offline}) => {
        const cpus = server(nodes, cores, threads, offline)
        const online = cpus.filter((cpu) => cpu.online)
        const nodesUp = new Set(online.map(({node}) => node))
        const coresUp = new Set(online.map(({siblings}) => `${siblings}`))
        if (coresUp.size <= nodesUp.size) return // no core to isolate
        const {isolated, housekeeping, reasons} = propose({cpus})
        expect(isolated.has(0)).toBe(false)
        expect(reasons.reduce((sum, {cpus}) => sum + cpus.size, 0)).toBe(cpus.length)
        expect(isolated.union(housekeeping).size).toBe(online.length)
        for (const {siblings} of online)
          expect([0, siblings?.size]).toContain(siblings?.intersect(isolated).size)
        for (const node of nodesUp)
          expect(online.some((cpu) => cpu.node === node && housekeeping.has(cpu.cpu))).toBe(true)
      }),
    )
  })
})
