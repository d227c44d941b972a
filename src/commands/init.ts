// SPDX-License-Identifier: MIT
import {dirname} from 'node:path'
import {Flags} from '@oclif/core'
import {propose} from '../config/propose.ts'
import {coreKinds} from '../facts/core-kinds.ts'
import {gatherer} from '../facts/fact.ts'
import {nics} from '../facts/nics.ts'
import {listedNodes} from '../facts/nodes.ts'
import {sharing} from '../facts/topology.ts'
import {type Host, HostError} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {initReport, renderInit} from '../report/init.ts'
import type {InitReport} from '../schema/init.ts'
import {columns} from '../ui/terminal.ts'
import {IsolCommand} from './base.ts'
import {machineCpus} from './cpus.ts'

export default class Init extends IsolCommand {
  static override summary = 'Propose a config for this machine, with a reason for each CPU.'
  static override description =
    'SMT siblings stay together. Each NUMA node keeps one core for housekeeping. CPU 0 is never isolated. Cores that share their last-level cache with housekeeping are isolated only where all do, or with --cores.'
  static override examples = [
    '<%= config.bin %> init --dry-run',
    'sudo <%= config.bin %> init',
    'sudo <%= config.bin %> init --near enp65s0f0 --cores 8 --force',
    '<%= config.bin %> init --dry-run --root ./captured-host --json',
  ]
  static override flags = {
    near: Flags.string({
      description: 'isolate only CPUs of the NUMA node of this network card',
      helpValue: 'NIC',
    }),
    cores: Flags.integer({description: 'isolate at most this many cores', min: 1, max: 8192}),
    force: Flags.boolean({char: 'f', description: 'replace the config if there is one', default: false}),
    'dry-run': Flags.boolean({char: 'n', description: 'show the config and write nothing', default: false}),
  }

  async run(): Promise<InitReport> {
    const {flags} = await this.parse(Init)
    const host = flags['dry-run'] ? undefined : this.machine(flags.root)
    const view = host ?? this.view(flags.root)
    const get = gatherer(view)
    const facts = {
      cpus: await machineCpus(get),
      kinds: await get(coreKinds).catch(() => 'unreadable' as const),
      nics: await get(nics).catch(() => undefined),
      nodes: await get(listedNodes).catch(() => undefined),
      sharing: await get(sharing).catch(() => new Map()),
    }
    const report = initReport(propose(facts, flags), view.name)
    if (host) {
      await write(host, flags.config, report.config, flags.force)
      report.written = flags.config
    }
    this.show(renderInit(report, {width: columns()}), flags)
    return report
  }
}

async function write(host: Host, path: string, text: string, force: boolean): Promise<void> {
  try {
    if (!force && (await host.read(path)) !== undefined)
      throw new UserError(`${path} exists already`, {
        code: 'exists',
        help: 'see the proposal with isolctl init --dry-run, or replace the file with --force',
      })
    await host.makeFolder(dirname(path), true)
    await host.writeFile(path, text)
  } catch (cause) {
    if (!(cause instanceof HostError)) throw cause
    throw new UserError(cause.message, {
      exit: Exit.unsuitable,
      code: cause.code,
      help: cause.code === 'EACCES' ? 'run as root: sudo isolctl init' : 'name another file with --config',
      cause,
    })
  }
}
