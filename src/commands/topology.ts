// SPDX-License-Identifier: MIT
import {coreTypes} from '../facts/core-kinds.ts'
import {bootIsolated, nohzFull} from '../facts/cpus.ts'
import {gatherer} from '../facts/fact.ts'
import {listedNodes} from '../facts/nodes.ts'
import {sharing} from '../facts/topology.ts'
import {renderTopology, topologyReport} from '../report/topology.ts'
import type {TopologyReport} from '../schema/machine.ts'
import {columns} from '../ui/terminal.ts'
import {IsolCommand} from './base.ts'
import {machineCpus} from './cpus.ts'

export default class Topology extends IsolCommand {
  static override summary = 'Show the CPUs: what they share, and which are isolated.'
  static override examples = [
    '<%= config.bin %> topology',
    '<%= config.bin %> topology --json',
    '<%= config.bin %> topology --root ./captured-host',
  ]

  async run(): Promise<TopologyReport> {
    const {flags} = await this.parse(Topology)
    const host = this.view(flags.root)
    const get = gatherer(host)
    const cpus = await machineCpus(get)
    const [isolated, nohz] = await Promise.all(
      [bootIsolated, nohzFull].map((fact) => get(fact).catch(() => undefined)),
    )
    const report = topologyReport({
      host: host.name,
      cpus,
      isolated,
      nohzFull: nohz,
      types: await get(coreTypes).catch(() => undefined),
      nodes: await get(listedNodes).catch(() => undefined),
      sharing: await get(sharing).catch(() => undefined),
    })
    this.show(renderTopology(report, {width: columns()}), flags)
    return report
  }
}
