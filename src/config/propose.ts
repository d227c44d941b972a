// SPDX-License-Identifier: MIT

import type {Nic} from '../facts/nics.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {count} from '../lib/text.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {CoreKinds, Cpu, Sharing} from '../model/topology.ts'

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
  /** Undefined: the cores are all of one kind, or the kernel does not report kinds. */
  readonly kinds?: CoreKinds | 'unreadable' | undefined
  /** Undefined when not known. */
  readonly nics?: readonly Nic[] | undefined
  /** What each CPU shares with others; empty when not known. */
  readonly sharing?: ReadonlyMap<number, Sharing> | undefined
  /**
   * NUMA node to its CPUs, which may overlap. Undefined: each CPU is in its one node. A node whose
   * CPUs are undefined is not considered.
   */
  readonly nodes?: ReadonlyMap<number, CpuSet | undefined> | undefined
}

export interface ProposalWishes {
  /** Isolate only on the node of this card. */
  readonly near?: string | undefined
  /** Isolate this number of cores at most. */
  readonly cores?: number | undefined
}

/**
 * Propose whole cores, so that SMT siblings stay together. Housekeeping gets the core of the boot
 * CPU, one core of each NUMA node, slower cores, and nodes without a network card. Of the others,
 * those are isolated that share no last-level cache with housekeeping, or all where each does.
 * Throws UserError when no core remains. Pure.
 */
export function propose(facts: ProposalFacts, wishes: ProposalWishes = {}): Proposal {
  const {cpus} = facts
  const kinds = facts.kinds === 'unreadable' ? undefined : facts.kinds
  const online = cpus.filter((cpu) => cpu.online)
  const cores = wholeCores(online)
  const place = new Map<CpuSet, {role: Role; why: string}>()
  const decide = (core: CpuSet, role: Role, why: string) => place.set(core, {role, why})
  const nodeOf = (core: CpuSet) => online.find(({cpu}) => core.has(cpu))?.node
  const open = () => cores.filter((core) => !place.has(core))

  const [boot] = cores
  if (boot) decide(boot, 'housekeeping', firstCore(boot))
  for (const core of open())
    if (kinds && !kinds.efficient.intersect(core).isEmpty)
      decide(core, 'housekeeping', 'a slower core, fast enough for housekeeping')
  for (const [node, members] of nodesOf(facts, cores)) {
    const here = cores.filter((core) => !members.intersect(core).isEmpty)
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
        node === undefined
          ? `its node is not known, and that of ${near.names(undefined)} is`
          : `on node ${node}, which is not the node of ${near.names(undefined)}`,
      )
  }
  const cache = lastLevel(facts)
  const busy = [...place.keys()].reduce((all, core) => all.union(core), CpuSet.empty)
  const shares = (core: CpuSet) => cache?.around(core)?.intersect(busy).isEmpty === false
  const [sharing, quiet] = [open().filter(shares), open().filter((core) => !shares(core))]
  const most = wishes.cores ?? (quiet.length > 0 ? quiet.length : sharing.length)
  for (const [index, core] of [...quiet, ...sharing].entries()) {
    const node = nodeOf(core)
    const kind = kinds?.performance.intersect(core).isEmpty === false ? 'a faster core' : 'a core'
    const where = node === undefined ? '' : ` on node ${node}`
    const card = near.nodes && node !== undefined ? `, the node of ${near.names(node)}` : ''
    const shared = quiet.length === 0 || cache === undefined ? '' : cacheWords(cache, core, shares(core))
    if (index < most)
      decide(core, 'isolated', `${kind} that housekeeping does not need${where}${card}${shared}`)
    else if (wishes.cores === undefined)
      decide(core, 'housekeeping', `shares ${cache?.name} with housekeeping`)
    else decide(core, 'housekeeping', `more than the ${wishes.cores} asked for`)
  }

  const offline = CpuSet.from(cpus.filter((cpu) => !cpu.online).map(({cpu}) => cpu))
  const all = (role: Role) =>
    [...place].reduce((set, [core, decided]) => (decided.role === role ? set.union(core) : set), CpuSet.empty)
  const isolated = all('isolated')
  const reasons = reasonsOf(place)
  if (isolated.isEmpty) throw noneLeft(reasons, {online: online.length, offline, near})
  return {
    isolated,
    housekeeping: all('housekeeping'),
    reasons: [
      ...reasons,
      ...(offline.isEmpty ? [] : [{cpus: offline, role: 'offline' as const, why: 'offline'}]),
    ],
    remarks: [
      ...(online.some(({siblings}) => siblings === undefined)
        ? ['it is not known which CPUs share a core: each CPU was treated as a core']
        : []),
      ...(near.nodes === undefined && near.remark !== undefined ? [near.remark] : []),
      ...(facts.kinds === 'unreadable'
        ? ['it is not known which cores are slower: all cores were treated alike']
        : []),
      ...(cache !== undefined && quiet.length === 0
        ? [`all isolated CPUs share ${cache.name} with housekeeping`]
        : []),
      ...(facts.sharing?.size === 0
        ? ['it is not known which CPUs share a cache: all cores were treated alike']
        : []),
    ],
  }
}

type Reasons = Proposal['reasons']

/** One reason for each group of cores that were placed for the same reason. */
function reasonsOf(place: ReadonlyMap<CpuSet, {readonly role: Role; readonly why: string}>): Reasons {
  const groups = Map.groupBy([...place], ([, {role, why}]) => `${role}\0${why}`)
  return [...groups.values()].flatMap((group) => {
    const decided = group[0]?.[1]
    const members = group.reduce((set, [core]) => set.union(core), CpuSet.empty)
    return decided === undefined ? [] : [{cpus: members, ...decided}]
  })
}

/** NUMA nodes with their CPUs, in ascending order. CPUs without a node count as one more. */
function nodesOf(
  {cpus, nodes}: ProposalFacts,
  cores: readonly CpuSet[],
): readonly (readonly [number | undefined, CpuSet])[] {
  const online = cores.reduce((all, core) => all.union(core), CpuSet.empty)
  const found = new Map<number | undefined, CpuSet>()
  for (const {cpu, node} of cpus)
    if (online.has(cpu)) found.set(node, (found.get(node) ?? CpuSet.empty).union(CpuSet.of(cpu)))
  for (const [node, members = CpuSet.empty] of nodes ?? []) {
    const here = (found.get(node) ?? CpuSet.empty).union(members.intersect(online))
    if (!here.isEmpty) found.set(node, here)
  }
  return [...found].sort(([a], [b]) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY))
}

/** CPU 0 is the boot CPU. Without it, nothing tells which of the others is. */
function firstCore(core: CpuSet): string {
  if (!core.has(0)) return 'the first core'
  return core.size > 1 ? 'the core of the boot CPU' : 'the boot CPU'
}

interface LastLevel {
  /** "an L3 cache" */
  readonly name: string
  /** The CPUs that share it with a core, including the core. Undefined: the core has none. */
  around(core: CpuSet): CpuSet | undefined
}

/** What cores share, the best known first. A cluster of arm64 shares an L2 cache or the tags of L3. */
const LEVELS = {l3: 'an L3 cache', l2: 'an L2 cache', cluster: 'a cluster'} as const
const ORDER = ['l3', 'l2', 'cluster'] as const

/** The last level that the kernel reports; undefined where it reports none. */
function lastLevel({sharing}: ProposalFacts): LastLevel | undefined {
  const all = [...(sharing?.values() ?? [])]
  const key = ORDER.find((each) => all.some((shared) => shared[each] !== undefined))
  if (key === undefined) return undefined
  return {
    name: LEVELS[key],
    around: (core) => {
      const sets = [...core].flatMap((cpu) => sharing?.get(cpu)?.[key] ?? [])
      return sets.length === 0 ? undefined : sets.reduce((all, cpus) => all.union(cpus), core)
    },
  }
}

function cacheWords({name, around}: LastLevel, core: CpuSet, shared: boolean): string {
  if (shared) return `, which shares ${name.replace(/^an? /, 'its ')} with housekeeping`
  return around(core) === undefined ? `, without ${name}` : `, with ${name} that housekeeping does not use`
}

/** Why no core is left to isolate: what keeps each of them. */
function noneLeft(
  reasons: Reasons,
  {online, offline, near}: {readonly online: number; readonly offline: CpuSet; readonly near: Near},
): UserError {
  if (online === 0) return new UserError('no CPU is online', {exit: Exit.unsuitable, code: 'no-isolated'})
  const kept = reasons.map(({cpus, why}) => `CPU ${cpus} is kept (${why})`)
  return new UserError(`none of ${count(online, 'CPU')} can be isolated: ${kept.join(', ')}`, {
    exit: Exit.unsuitable,
    code: 'no-isolated',
    help: helpFor(reasons, offline, near),
  })
}

function helpFor(reasons: Reasons, offline: CpuSet, near: Near): string {
  if (!offline.isEmpty) return `CPU ${offline} is offline: bring it online, then try again`
  const has = (pattern: RegExp) => reasons.some(({why}) => pattern.test(why))
  if (has(/is not the node of|its node is not known/))
    return `the node of ${near.names(undefined)} has no second core: choose CPUs with --cpus, or another card with --near`
  if (has(/^a slower core/)) return 'the other cores are slower ones: choose some of them with --cpus'
  if (has(/^the first core of node/)) return 'each NUMA node has only one core: choose CPUs with --cpus'
  return 'isolation needs a second core beside that of CPU 0; without SMT, two CPUs are enough'
}

/**
 * Online CPUs by core, in the order of their lowest CPUs. A CPU without known siblings is a core of
 * its own. Where the lists of siblings contradict each other, the CPUs that any of them joins are one
 * core.
 */
function wholeCores(online: readonly Cpu[]): readonly CpuSet[] {
  const all = CpuSet.from(online.map(({cpu}) => cpu))
  const coreOf = new Map<number, CpuSet>()
  for (const {cpu, siblings} of online) {
    const listed = (siblings ?? CpuSet.empty).intersect(all).union(CpuSet.of(cpu))
    const core = [...listed].reduce((set, each) => set.union(coreOf.get(each) ?? CpuSet.empty), listed)
    for (const each of core) coreOf.set(each, core)
  }
  return [...new Set(coreOf.values())].sort((a, b) => Math.min(...a) - Math.min(...b))
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
      help: `the network cards are: ${nics?.map(({name}) => name).join(', ') || 'not known here'}`,
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
