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

  it('calls no other CPU than 0 the boot CPU', () => {
    const {reasons} = propose({cpus: server(1, 4, 1, [0])})
    expect(reasons.map(({why}) => why).join()).not.toContain('boot CPU')
    expect(propose({cpus: server(1, 4, 1)}).reasons[0]).toMatchObject({why: 'the boot CPU'})
  })

  it('does not say that a CPU of unknown node is on another node', () => {
    const cpus = server(2, 4, 1).map(({node, ...cpu}) =>
      cpu.cpu >= 6 ? cpu : {...cpu, ...(node === undefined ? {} : {node})},
    )
    const {reasons} = propose({cpus, nics: [{name: 'eth0', node: 0}]})
    expect(reasons.find(({cpus: some}) => some.has(7))).toMatchObject({
      why: 'its node is not known, and that of eth0 is',
    })
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

  /** L3 caches of `size` CPUs each. */
  const l3 = (cpus: number, size: number) =>
    new Map(
      Array.from({length: cpus}, (_, cpu) => {
        const first = cpu - (cpu % size)
        return [cpu, {l3: CpuSet.parse(`${first}-${first + size - 1}`)}] as const
      }),
    )

  it('isolates the cores that share no L3 cache with housekeeping, and says so', () => {
    const {isolated, housekeeping, reasons} = propose({cpus: server(1, 8, 1), sharing: l3(8, 4)})
    expect([`${isolated}`, `${housekeeping}`]).toEqual(['4-7', '0-3'])
    expect(reasons.map(({cpus, why}) => `${cpus}: ${why}`)).toEqual([
      '0: the boot CPU',
      '4-7: a core that housekeeping does not need on node 0, with an L3 cache that housekeeping does not use',
      '1-3: shares an L3 cache with housekeeping',
    ])
    expect(proposed({cpus: server(2, 8, 1), sharing: l3(16, 4)})).toEqual(['4-7,12-15', '0-3,8-11'])
  })

  it('takes these cores first when a number is requested, and others after them', () => {
    const facts = {cpus: server(1, 8, 1), sharing: l3(8, 4)}
    expect(proposed(facts, {cores: 2})).toEqual(['4-5', '0-3,6-7'])
    const {isolated, reasons} = propose(facts, {cores: 5})
    expect(`${isolated}`).toBe('1,4-7')
    expect(reasons.map(({why}) => why)).toContain(
      'a core that housekeeping does not need on node 0, which shares its L3 cache with housekeeping',
    )
  })

  it('isolates as before where every core shares an L3 cache with housekeeping, with a remark', () => {
    const {isolated, remarks} = propose({cpus: server(2, 4, 1), sharing: l3(8, 4)})
    expect([`${isolated}`, remarks]).toEqual([
      '1-3,5-7',
      [
        'the nodes of the network cards are not known: all nodes were treated alike',
        'all isolated CPUs share an L3 cache with housekeeping',
      ],
    ])
    const unknown = propose({cpus: server(1, 4, 1), sharing: new Map()})
    expect([`${unknown.isolated}`, unknown.remarks]).toEqual([
      '1-3',
      ['it is not known which CPUs share a cache: all cores were treated alike'],
    ])
  })

  it('counts the cluster where no cache is reported', () => {
    const sharing = new Map(
      [0, 1, 2, 3, 4, 5, 6, 7].map((cpu) => [cpu, {cluster: CpuSet.parse(cpu < 4 ? '0-3' : '4-7')}]),
    )
    const {isolated, reasons} = propose({cpus: server(1, 8, 1), sharing})
    expect(`${isolated}`).toBe('4-7')
    expect(reasons.map(({why}) => why)).toEqual([
      'the boot CPU',
      'a core that housekeeping does not need on node 0, with a cluster that housekeeping does not use',
      'shares a cluster with housekeeping',
    ])
  })

  it('does not say that a core without an L3 cache has one', () => {
    const sharing = new Map([0, 1, 2, 3].map((cpu) => [cpu, cpu < 2 ? {l3: CpuSet.parse('0-1')} : {}]))
    const {reasons} = propose({cpus: server(1, 4, 1), sharing})
    expect(reasons.find(({role}) => role === 'isolated')).toMatchObject({
      cpus: CpuSet.parse('2-3'),
      why: 'a core that housekeeping does not need on node 0, without an L3 cache',
    })
  })

  it('keeps cores whole where the lists of siblings contradict each other', () => {
    const [first, second, ...others] = server(1, 4, 1)
    const cpus = [{...first, siblings: CpuSet.parse('0-1')}, second, ...others] as Cpu[]
    expect(proposed({cpus})).toEqual(['2-3', '0-1'])
    expect(proposed({cpus: cpus.toReversed()})).toEqual(['2-3', '0-1'])
  })

  it('says that it is not known which cores are slower', () => {
    const {remarks} = propose({cpus: server(1, 4, 1), kinds: 'unreadable'})
    expect(remarks).toContain('it is not known which cores are slower: all cores were treated alike')
  })

  it('counts the L2 cache where there is no L3 cache', () => {
    const sharing = new Map([...l3(8, 4)].map(([cpu, {l3}]) => [cpu, {l2: l3}]))
    expect(proposed({cpus: server(1, 8, 1), sharing})).toEqual(['4-7', '0-3'])
  })

  it('keeps a core of each node where nodes overlap', () => {
    const nodes = new Map([
      [0, CpuSet.parse('0-3')],
      [1, CpuSet.parse('2-3')],
    ])
    expect(proposed({cpus: server(1, 4, 1), nodes})).toEqual(['1,3', '0,2'])
    // numa=fake: every node has every CPU.
    const fake = new Map([0, 1, 2].map((node) => [node, CpuSet.parse('0-3')]))
    expect(proposed({cpus: server(1, 4, 1), nodes: fake})).toEqual(['1-3', '0'])
  })

  it('does not keep a core for a node that has no online CPU', () => {
    const nodes = new Map([
      [0, CpuSet.parse('0-3')],
      [1, CpuSet.parse('9')],
      [2, undefined],
    ])
    expect(proposed({cpus: server(1, 4, 1), nodes})).toEqual(['1-3', '0'])
  })

  const one = [{name: 'eth0', node: 1}]
  const slow = {performance: CpuSet.parse('0'), efficient: CpuSet.parse('1-3')}
  it.each<readonly [string, ProposalFacts, string, string]>([
    [
      'one core',
      {cpus: server(1, 1, 2)},
      'none of 2 CPUs can be isolated: CPU 0-1 is kept (the core of the boot CPU)',
      'a second core',
    ],
    [
      'one CPU',
      {cpus: server(1, 1, 1)},
      'none of 1 CPU can be isolated: CPU 0 is kept (the boot CPU)',
      'a second core',
    ],
    [
      'one core in each node',
      {cpus: server(2, 1, 1)},
      'CPU 1 is kept (the first core of node 1)',
      'each NUMA node has only one core',
    ],
    [
      'slower cores',
      {cpus: server(1, 4, 1), kinds: slow},
      'CPU 1-3 is kept (a slower core, fast enough for housekeeping)',
      'slower ones',
    ],
    [
      'the others offline',
      {cpus: server(1, 2, 1, [1])},
      'none of 1 CPU can be isolated',
      'CPU 1 is offline: bring it online',
    ],
    [
      'a card on a small node',
      {cpus: server(2, 2, 1).filter(({cpu}) => cpu < 3), nics: one},
      'CPU 1 is kept (on node 0, which is not the node of eth0)',
      'the node of eth0 has no second core',
    ],
    ['all offline', {cpus: server(1, 2, 1, [0, 1])}, 'no CPU is online', ''],
  ])('refuses for the real reason: %s', (_, facts, message, help) => {
    const failure = (() => {
      try {
        return propose(facts)
      } catch (error) {
        return error
      }
    })()
    expect(failure).toMatchObject({message: expect.stringContaining(message), code: 'no-isolated', exit: 69})
    expect((failure as {help?: string}).help ?? '').toContain(help)
  })

  it('names the network cards when the requested one does not exist', () => {
    expect(() => propose({cpus: server(2, 2, 1), nics: cards}, {near: 'eth9'})).toThrow(
      expect.objectContaining({help: 'the network cards are: eth0, fast0'}),
    )
    expect(() => propose({cpus: server(2, 2, 1)}, {near: 'eth9'})).toThrow(
      expect.objectContaining({help: 'the network cards are: not known here'}),
    )
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
