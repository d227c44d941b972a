// SPDX-License-Identifier: MIT

import {count, table, wrap} from '../lib/text.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Cpu} from '../model/topology.ts'
import type {TopologyReport} from '../schema/machine.ts'

export interface TopologyFacts {
  readonly host: string
  readonly cpus: readonly Cpu[]
  /** Undefined if the machine does not report it. */
  readonly isolated: CpuSet | undefined
  readonly nohzFull: CpuSet | undefined
}

export function topologyReport({host, cpus, isolated, nohzFull}: TopologyFacts): TopologyReport {
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
    cpus: cpus.map(({siblings, ...cpu}) => ({
      ...cpu,
      ...(siblings === undefined ? {} : {siblings: `${siblings}`}),
      ...(isolated === undefined ? {} : {isolated: isolated.has(cpu.cpu)}),
      ...(nohzFull === undefined ? {} : {nohzFull: nohzFull.has(cpu.cpu)}),
    })),
  }
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
  return `${[...headline, '', ...table([header, ...rows])].join('\n')}\n`
}

const number = (value: number | undefined) => (value === undefined ? '?' : `${value}`)

function mark(value: boolean | undefined): string {
  if (value === undefined) return '?'
  return value ? 'yes' : '-'
}
