// SPDX-License-Identifier: MIT

import {count, table, wrap} from '../lib/text.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Cpu, Sharing} from '../model/topology.ts'
import type {TopologyReport} from '../schema/machine.ts'
import {page} from './colour.ts'

export interface TopologyFacts {
  readonly host: string
  readonly cpus: readonly Cpu[]
  /** Undefined if the machine does not report it. */
  readonly isolated: CpuSet | undefined
  readonly nohzFull: CpuSet | undefined
  /** Core types by name (facts/core-kinds.ts); undefined if there is one type. */
  readonly types?: ReadonlyMap<string, CpuSet> | undefined
  readonly nodes?: ReadonlyMap<number, CpuSet | undefined> | undefined
  readonly sharing?: ReadonlyMap<number, Sharing> | undefined
}

type ReportedCpu = TopologyReport['cpus'][number]

/** The names of the kernel's PMUs, and those of isolctl. */
const TYPES: Readonly<Record<string, NonNullable<ReportedCpu['coreType']>>> = {
  cpu_core: 'performance',
  cpu_atom: 'efficient',
  cpu_lowpower: 'low-power',
  performance: 'performance',
  efficient: 'efficient',
}

export function topologyReport(facts: TopologyFacts): TopologyReport {
  const {host, cpus, isolated, nohzFull, nodes} = facts
  const cpusWhere = (online: boolean) =>
    CpuSet.from(cpus.filter((cpu) => cpu.online === online).map(({cpu}) => cpu)).toString()
  const siblings = cpus.flatMap((cpu) => (cpu.siblings === undefined ? [] : [cpu.siblings.size]))
  return {
    schema: 'isolctl.topology/1',
    host,
    online: cpusWhere(true),
    offline: cpusWhere(false),
    ...(isolated === undefined ? {} : {isolated: `${isolated}`}),
    ...(nohzFull === undefined ? {} : {nohzFull: `${nohzFull}`}),
    ...(siblings.length === 0 ? {} : {smt: siblings.some((size) => size > 1)}),
    ...(nodes === undefined || nodes.size === 0
      ? {}
      : {nodes: [...nodes].flatMap(([node, cpus]) => (cpus ? [{node, cpus: `${cpus}`}] : []))}),
    cpus: cpus.map(({siblings, ...cpu}) => ({
      ...cpu,
      ...(siblings === undefined ? {} : {siblings: `${siblings}`}),
      ...sharedBy(cpu.cpu, facts),
      ...(isolated === undefined ? {} : {isolated: isolated.has(cpu.cpu)}),
      ...(nohzFull === undefined ? {} : {nohzFull: nohzFull.has(cpu.cpu)}),
    })),
  }
}

/** What a CPU shares, and the type of its core where there are several. */
function sharedBy(cpu: number, {sharing, types}: TopologyFacts): Partial<ReportedCpu> {
  const shared = Object.entries(sharing?.get(cpu) ?? {}).map(([what, cpus]) => [what, `${cpus}`])
  const [name] = [...(types ?? [])].findLast(([, cpus]) => cpus.has(cpu)) ?? []
  const coreType = types === undefined || types.size < 2 ? undefined : TYPES[name ?? '']
  return {...Object.fromEntries(shared), ...(coreType === undefined ? {} : {coreType})}
}

/** One line for each CPU; "?" is a value that the machine does not report. Pure. */
export function renderTopology(report: TopologyReport, {width}: {readonly width: number}): string {
  const distinct = (key: 'socket' | 'node') => new Set(report.cpus.flatMap((cpu) => cpu[key] ?? [])).size
  const parts = [
    `${count(CpuSet.parse(report.online).size, 'CPU')} online`,
    ...(report.offline === '' ? [] : [`offline ${report.offline}`]),
    ...(distinct('socket') > 0 ? [count(distinct('socket'), 'socket')] : []),
    ...(distinct('node') > 0 ? [count(distinct('node'), 'NUMA node')] : []),
    ...(report.smt === undefined ? [] : [report.smt ? 'SMT' : 'no SMT']),
  ]
  const rows = report.cpus.map((cpu) => [
    `${cpu.cpu}`,
    ...(cpu.online ? [] : ['offline']),
    ...(cpu.online ? [number(cpu.socket), number(cpu.node), number(cpu.core)] : ['', '']),
    cpu.online ? (cpu.siblings ?? '?') : '',
    mark(cpu.isolated),
    mark(cpu.nohzFull),
  ])
  const header = ['CPU', 'socket', 'node', 'core', 'siblings', 'isolated', 'nohz_full']
  const headline = wrap([`${report.host}:`, ...parts.join(', ').split(' ')], {width})
  const groups = groupLines(report).flatMap((line) => wrap(line.split(' '), {width}))
  return page([...headline, ...groups, '', ...table([header, ...rows])])
}

/** What divides the CPUs: core types, and sets of several cores that share a cache or a cluster. */
function groupLines({cpus}: TopologyReport): readonly string[] {
  const types = Map.groupBy(cpus, ({coreType}) => coreType)
  const byType = [...types].flatMap(([type, members]) =>
    type === undefined ? [] : [`${type} ${CpuSet.from(members.map(({cpu}) => cpu))}`],
  )
  const setsOf = (key: 'l2' | 'l3' | 'cluster') => [...new Set(cpus.flatMap((cpu) => cpu[key] ?? []))]
  const sets = (key: 'l2' | 'l3' | 'cluster', name: string) => {
    const found = setsOf(key)
    const divides = found.length > 1 && cpus.some((cpu) => cpu[key] !== undefined && isWider(cpu[key], cpu))
    return divides ? [`${name}: ${found.join('; ')}`] : []
  }
  return [
    ...(byType.length > 0 ? [`cores: ${byType.join('; ')}`] : []),
    // On x86 a cluster is the cores that share an L2 cache.
    ...(`${setsOf('cluster')}` === `${setsOf('l2')}` ? [] : sets('cluster', 'clusters')),
    ...sets('l2', 'share an L2 cache'),
    ...sets('l3', 'share an L3 cache'),
  ]
}

/** Whether a set is more than the core of the CPU. */
const isWider = (set: string, {cpu, siblings = `${cpu}`}: ReportedCpu) =>
  !CpuSet.parse(set).isSubsetOf(CpuSet.parse(siblings))

const number = (value: number | undefined) => (value === undefined ? '?' : `${value}`)

function mark(value: boolean | undefined): string {
  if (value === undefined) return '?'
  return value ? 'yes' : '-'
}
