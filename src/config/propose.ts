// SPDX-License-Identifier: MIT

import type {Nic} from '../facts/nics.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {CoreKinds, Cpu} from '../model/topology.ts'

export type Role = 'housekeeping' | 'isolated' | 'offline'

/** The CPUs to isolate on a machine, with a reason for each CPU. */
export interface Proposal {
  readonly isolated: CpuSet
  readonly housekeeping: CpuSet
  /** Every present CPU is in exactly one of these. */
  readonly reasons: readonly {readonly cpus: CpuSet; readonly role: Role; readonly why: string}[]
  /** Facts that were not known and so were not considered. */
  readonly remarks: readonly string[]
}

export interface ProposalFacts {
  readonly cpus: readonly Cpu[]
  readonly kinds?: CoreKinds | undefined
  /** Undefined when not known. */
  readonly nics?: readonly Nic[] | undefined
}

export interface ProposalWishes {
  /** Isolate only on the node of this card. */
  readonly near?: string | undefined
  /** Isolate this number of cores at most. */
  readonly cores?: number | undefined
}

/**
 * Propose whole cores, so that SMT siblings stay together. Housekeeping gets the core of the boot
 * CPU, one core of each NUMA node, slower cores, and nodes without a network card; the other cores
 * are isolated. Throws UserError when no core remains. Pure.
 */
export function propose(facts: ProposalFacts, wishes: ProposalWishes = {}): Proposal {
  const {cpus, kinds} = facts
  const online = cpus.filter((cpu) => cpu.online)
  const cores = wholeCores(online)
  const place = new Map<CpuSet, {role: Role; why: string}>()
  const decide = (core: CpuSet, role: Role, why: string) => place.set(core, {role, why})
  const nodeOf = (core: CpuSet) => online.find(({cpu}) => core.has(cpu))?.node
  const open = () => cores.filter((core) => !place.has(core))

  const [boot] = cores
  if (boot) decide(boot, 'housekeeping', boot.size > 1 ? 'the core of the boot CPU' : 'the boot CPU')
  for (const core of open())
    if (kinds?.efficient.intersect(core).isEmpty === false)
      decide(core, 'housekeeping', 'a slower core, fast enough for housekeeping')
  for (const node of new Set(cores.map(nodeOf))) {
    const here = cores.filter((core) => nodeOf(core) === node)
    const [first] = here
    if (first === undefined || here.some((core) => place.has(core))) continue
    decide(first, 'housekeeping', node === undefined ? 'the first core' : `the first core of node ${node}`)
  }
  const near = nodesWithCards(facts, wishes)
  for (const core of open()) {
    const node = nodeOf(core)
    if (near.nodes && (node === undefined || !near.nodes.has(node)))
      decide(
        core,
        'housekeeping',
        `on node ${node ?? '?'}, which is not the node of ${near.names(undefined)}`,
      )
  }
  for (const [index, core] of open().entries()) {
    const node = nodeOf(core)
    const kind = kinds?.performance.intersect(core).isEmpty === false ? 'a faster core' : 'a core'
    const where = node === undefined ? '' : ` on node ${node}`
    const card = near.nodes && node !== undefined ? `, the node of ${near.names(node)}` : ''
    if (wishes.cores !== undefined && index >= wishes.cores)
      decide(core, 'housekeeping', `more than the ${wishes.cores} asked for`)
    else decide(core, 'isolated', `${kind} that housekeeping does not need${where}${card}`)
  }

  const offline = CpuSet.from(cpus.filter((cpu) => !cpu.online).map(({cpu}) => cpu))
  const all = (role: Role) =>
    [...place].reduce((set, [core, decided]) => (decided.role === role ? set.union(core) : set), CpuSet.empty)
  const isolated = all('isolated')
  if (isolated.isEmpty)
    throw new UserError(`none of ${online.length} CPUs can be isolated: housekeeping needs every core`, {
      exit: Exit.unsuitable,
      code: 'no-isolated',
      help:
        near.nodes === undefined
          ? 'isolation needs a second core beside that of CPU 0; without SMT, two CPUs are enough'
          : 'each node with a network card has only one core: choose CPUs with --cpus, or another card with --near',
    })
  const groups = Map.groupBy([...place], ([, {role, why}]) => `${role}\0${why}`)
  return {
    isolated,
    housekeeping: all('housekeeping'),
    reasons: [
      ...[...groups.values()].flatMap((group) => {
        const decided = group[0]?.[1]
        const members = group.reduce((set, [core]) => set.union(core), CpuSet.empty)
        return decided === undefined ? [] : [{cpus: members, ...decided}]
      }),
      ...(offline.isEmpty ? [] : [{cpus: offline, role: 'offline' as const, why: 'offline'}]),
    ],
    remarks: [
      ...(online.some(({siblings}) => siblings === undefined)
        ? ['it is not known which CPUs share a core: each CPU was treated as a core']
        : []),
      ...(near.nodes === undefined && near.remark !== undefined ? [near.remark] : []),
    ],
  }
}

/**
 * Online CPUs by core, in the order of their lowest CPUs. A CPU without known siblings is a core of
 * its own.
 */
function wholeCores(online: readonly Cpu[]): readonly CpuSet[] {
  const all = CpuSet.from(online.map(({cpu}) => cpu))
  const cores = new Map<string, CpuSet>()
  for (const {cpu, siblings} of online) {
    const core = (siblings ?? CpuSet.empty).intersect(all).union(CpuSet.of(cpu))
    cores.set(`${core}`, core)
  }
  return [...cores.values()].sort((a, b) => Math.min(...a) - Math.min(...b))
}

interface Near {
  /** Undefined when it makes no difference or is not known. */
  readonly nodes: ReadonlySet<number> | undefined
  /** The names of the cards on a node, or of all cards. */
  names(node: number | undefined): string
  readonly remark?: string
}

function nodesWithCards({cpus, nics}: ProposalFacts, {near}: ProposalWishes): Near {
  const cards = (nics ?? []).filter(({name}) => near === undefined || name === near)
  const names = (node: number | undefined) =>
    cards
      .filter((card) => node === undefined || card.node === node)
      .map(({name}) => name)
      .join(', ')
  const known = new Set(cards.flatMap(({node}) => node ?? []))
  if (near !== undefined && cards.length === 0)
    throw new UserError(`there is no network card ${near}`, {
      help: `| 'not known here'}|the network cards are: ${nics?.map(({name}) => name).join(', ') || 'not known'}|| 'not known here'}`,
    })
  if (near !== undefined && known.size === 0)
    throw new UserError(`the firmware does not report the node of ${near}`, {help: 'leave out --near'})
  const nodes = new Set(cpus.flatMap(({node}) => node ?? []))
  if (nodes.size < 2) return {nodes: undefined, names}
  // One card without a known node is enough: it might be on any of them.
  if (cards.length === 0 || cards.some(({node}) => node === undefined))
    return {
      nodes: undefined,
      names,
      remark: 'the nodes of the network cards are not known: all nodes were treated alike',
    }
  return {nodes: known, names}
}
