// SPDX-License-Identifier: MIT

import {CpuSet} from './cpuset.ts'
import {parseKernelList} from './kernel-list.ts'
import type {CoreKinds, Cpu} from './topology.ts'

/** The machine on which a set is resolved. */
export interface CpuWorld {
  readonly cpus: readonly Cpu[]
  readonly kinds?: CoreKinds | undefined
}

/** A set of CPUs in words, which is resolved on the machine that it is for. */
export interface CpuWords {
  /** The text from the configuration. */
  readonly text: string
  /** The set, when the text is a plain list, which is the same on every machine. */
  readonly plain?: CpuSet
  /** Throws RangeError when this machine has no such CPUs, or does not report them. */
  on(world: CpuWorld): CpuSet
}

/** The grammar, as printed in docs/config.md. */
export const GRAMMAR = `set    = part { ( "but" | "and" ) part }        from left to right: "but" removes, "and" adds
part   = list                                   2-7,10   2-N   0-N:1/2   (N: the last CPU that is online)
       | "all"                                  every CPU that is online
       | [ "the" ] ( "first" | "last" ) [ number ] ( "core" | "cores" | "cpu" | "cpus" )
         "of each" ( "node" | "socket" | "core" )
       | ( "node" | "nodes" | "socket" | "sockets" ) list
       | ( "performance" | "efficient" ) "cores"`

type Part = (world: CpuWorld) => CpuSet

/**
 * Parse a set in words: "2-N", "all but the first core of each node". Throws RangeError with the
 * part that is wrong. Whether the CPUs exist is checked when the set is resolved. Pure.
 */
export function parseCpuWords(text: string): CpuWords {
  const words = text.trim().toLowerCase().replaceAll(/\s+/g, ' ')
  refuseOtherNumbers(words)
  // The kernel's parser accepts "N" as a capital letter only; here "n" is accepted as well.
  const [first = '', ...rest] = words.split(/ (but|and) /)
  const steps: {readonly add: boolean; readonly part: Part}[] = [{add: true, part: parsePart(first)}]
  for (let index = 0; index < rest.length; index += 2)
    steps.push({add: rest[index] === 'and', part: parsePart(rest[index + 1] ?? '')})
  const plain = rest.length === 0 && /^[\d,:/-]+$/.test(first) ? CpuSet.parse(first) : undefined
  return {
    text: text.trim(),
    ...(plain === undefined ? {} : {plain}),
    on: (world) =>
      steps.reduce(
        (set, {add, part}) => (add ? set.union(part(world)) : set.minus(part(world))),
        CpuSet.empty,
      ),
  }
}

/** A mask, or a number that other programs read as octal, is refused with what was probably meant. */
function refuseOtherNumbers(words: string): void {
  const mask = /^0x([\da-f]{1,16})$/.exec(words)?.[1] ?? /^(?:[\da-f]{1,8},)+[\da-f]{8}$/.exec(words)?.[0]
  if (mask !== undefined && (words.startsWith('0x') || /[a-f]|,0/.test(mask)))
    throw new RangeError(
      `not a set of CPUs: "${words}" is a mask; for its CPUs write ${CpuSet.fromMask(mask)}`,
    )
  const padded = /(?<!\d)0\d+/.exec(words)?.[0]
  if (padded !== undefined)
    throw new RangeError(`not a set of CPUs: "${padded}" has a leading zero; write ${Number(padded)}`)
}

function parsePart(text: string): Part {
  if (text === 'all') return onlineOf
  const pick = /^(?:the )?(first|last)(?: (\d+))? (core|cpu)s? of each (node|socket|core)$/.exec(text)
  if (pick) {
    const [, end, number = '1', unit, group] = pick
    if (Number(number) === 0) throw new RangeError(`"${text}" selects no CPU`)
    const where = {first: end === 'first', number: Number(number), cores: unit === 'core'}
    return (world) => pickOfEach(world, group as 'node' | 'socket' | 'core', where)
  }
  const place = /^(node|socket)s? ([\d,-]+)$/.exec(text)
  if (place) {
    const [, kind, list = ''] = place
    const wanted = CpuSet.parse(list)
    return (world) => placed(world, kind as 'node' | 'socket', wanted)
  }
  const kind = /^(performance|efficient) cores$/.exec(text)?.[1]
  if (kind === 'performance' || kind === 'efficient')
    return ({kinds}) => {
      if (kinds === undefined)
        throw new RangeError(`this machine does not have two kinds of cores: "${text}"`)
      return kinds[kind]
    }
  return parseList(text)
}

/**
 * A cpulist. CPUs that are offline are left out when it contains an "N", because it is then meant
 * for any machine.
 */
function parseList(text: string): Part {
  if (!/^[\dn][\dn,:/-]*$/.test(text)) throw new RangeError(`not a set of CPUs: "${text}"`)
  if (!text.includes('n')) {
    const set = CpuSet.parse(text)
    return () => set
  }
  const list = text.replaceAll('n', 'N')
  const {error} = parseKernelList(list, 8192)
  if (error !== undefined) throw new RangeError(`not a set of CPUs: ${error}`)
  return (world) => {
    const online = onlineOf(world)
    const {cpus, error} = parseKernelList(list, Math.max(...online) + 1)
    if (error !== undefined) throw new RangeError(`${list}: ${error}`)
    return cpus.intersect(online)
  }
}

const onlineOf = ({cpus}: CpuWorld): CpuSet =>
  CpuSet.from(cpus.filter(({online}) => online).map(({cpu}) => cpu))

/**
 * Cores in the order of their lowest CPUs, each as the set of its online CPUs. Throws RangeError.
 * Pure.
 */
export function coresOf(cpus: readonly Cpu[]): readonly CpuSet[] {
  const online = onlineOf({cpus})
  const cores = new Map<string, CpuSet>()
  for (const {cpu, siblings} of cpus) {
    if (!online.has(cpu)) continue
    if (siblings === undefined)
      throw new RangeError(`the kernel does not report which CPUs share a core with CPU ${cpu}`)
    const core = siblings.intersect(online).union(CpuSet.of(cpu))
    cores.set(`${core}`, core)
  }
  return [...cores.values()].sort((a, b) => Math.min(...a) - Math.min(...b))
}

function pickOfEach(
  world: CpuWorld,
  kind: 'node' | 'socket' | 'core',
  {first, number, cores}: {readonly first: boolean; readonly number: number; readonly cores: boolean},
): CpuSet {
  const online = onlineOf(world)
  const units = cores ? coresOf(world.cpus) : [...online].map((cpu) => CpuSet.of(cpu))
  const groups = kind === 'core' ? coresOf(world.cpus) : groupsOf(world, kind).values()
  return [...groups].reduce((set, group) => {
    const inside = units.filter((unit) => unit.isSubsetOf(group))
    const chosen = first ? inside.slice(0, number) : inside.slice(-number)
    return chosen.reduce((sum, unit) => sum.union(unit), set)
  }, CpuSet.empty)
}

/**
 * Online CPUs by node or socket. When no CPU has one, all are in group 0: a kernel without NUMA.
 */
function groupsOf({cpus}: CpuWorld, kind: 'node' | 'socket'): ReadonlyMap<number, CpuSet> {
  const online = cpus.filter((cpu) => cpu.online)
  const known = online.filter((cpu) => cpu[kind] !== undefined)
  const unknown = online.find((cpu) => cpu[kind] === undefined)
  if (known.length > 0 && unknown !== undefined)
    throw new RangeError(`the kernel does not report the ${kind} of CPU ${unknown.cpu}`)
  const groups = Map.groupBy(online, (cpu) => cpu[kind] ?? 0)
  return new Map([...groups].map(([key, members]) => [key, CpuSet.from(members.map(({cpu}) => cpu))]))
}

function placed(world: CpuWorld, kind: 'node' | 'socket', wanted: CpuSet): CpuSet {
  const groups = groupsOf(world, kind)
  return [...wanted].reduce((set, key) => {
    const group = groups.get(key)
    if (group === undefined)
      throw new RangeError(`this machine has no ${kind} ${key}; it has ${[...groups.keys()].join(', ')}`)
    return set.union(group)
  }, CpuSet.empty)
}
