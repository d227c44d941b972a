// SPDX-License-Identifier: MIT
import {bootIsolated, nohzFull} from '../facts/cpus.ts'
import {gatherer} from '../facts/fact.ts'
import {topology} from '../facts/topology.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {renderTopology, topologyReport} from '../report/topology.ts'
import type {TopologyReport} from '../schema/machine.ts'
import {columns} from '../ui/terminal.ts'
import {IsolCommand} from './base.ts'

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
    const cpus = await get(topology).catch((cause: Error) => {
      throw new UserError(`cannot read the CPUs of the machine: ${cause.message}`, {
        exit: Exit.unsuitable,
        help: 'with --root, name a directory with the sys/ and proc/ of a Linux machine',
        cause,
      })
    })
    const [isolated, nohz] = await Promise.all(
      [bootIsolated, nohzFull].map((fact) => get(fact).catch(() => undefined)),
    )
    const report = topologyReport({host: host.name, cpus, isolated, nohzFull: nohz})
    process.stdout.write(this.jsonEnabled() ? '' : renderTopology(report, {width: columns()}))
    return report
  }
}
