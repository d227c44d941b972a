// SPDX-License-Identifier: MIT
import {basename} from 'node:path'
import {Flags} from '@oclif/core'
import {cutArguments, shellLine} from '../launch/arguments.ts'
import {become} from '../launch/become.ts'
import {parseEnter} from '../launch/enter.ts'
import {describeLaunch, prepareLaunch} from '../launch/launch.ts'
import {NUMA} from '../launch/numa.ts'
import {parseOnBreak} from '../launch/on-break.ts'
import {asset} from '../lib/assets.ts'
import {parsePolicy} from '../model/policy.ts'
import {cpulist, IsolCommand} from './base.ts'

export default class Launch extends IsolCommand {
  static override summary = 'Run a program under hard CPU isolation, and say what broke it.'
  static override description =
    `The program replaces this process: same pid, same standard streams, and its own exit status.
Launched on one CPU, it starts there; on several, it starts on the housekeeping CPUs and its workers take one CPU each
(isolctl_bind() of isolctl.h, or their own sched_setaffinity). A small reporter on a housekeeping CPU says on stderr what
broke isolation, and ends with the program.`
  static override usage = 'launch [OPTIONS] -- PROGRAM [ARG...]'
  static override examples = [
    '<%= config.bin %> launch --cpus 2-3 -- dpdk-testpmd -l 1,2,3 --no-huge --no-pci --vdev=net_null0 --vdev=net_null1',
    '<%= config.bin %> launch --cpus 3 --enter app -- dist/libexec/samples/poller 5',
    '<%= config.bin %> launch --cpus 2-3 --enter app --on-break signal=SIGUSR1 --policy fifo:1 -- ./feed-handler',
    '<%= config.bin %> launch --cpus 2-5 --on-break rearm --status-file /run/feed.json --notify -- ./feed-handler',
  ]
  static override flags = {
    cpus: cpulist({description: 'isolated CPUs to use; default: the configured or booted ones'}),
    enter: Flags.string({
      description:
        'how threads become isolated: settle, we make them enter when they have polled for TIME without the kernel; ' +
        'app, the program calls isolctl_enter() of isolctl.h',
      helpValue: 'app|settle[=TIME]',
      default: 'settle=100ms',
    }),
    'on-break': Flags.string({
      description:
        'what a thread that loses isolation gets: kill, signal=SIG, report (it runs on), or rearm (and enters again)',
      helpValue: 'ACTION',
      default: 'kill',
    }),
    policy: Flags.string({
      description: 'scheduling policy: other, or fifo:PRIO',
      helpValue: 'other|fifo:PRIO',
    }),
    soft: Flags.boolean({description: 'run without hard isolation where it cannot be had'}),
    force: Flags.boolean({description: 'launch although isolation will not last long'}),
    'allow-guest': Flags.boolean({
      description: 'launch in a virtual machine, whose host can interrupt unseen',
    }),
    'status-file': Flags.string({
      description: 'write the report as JSON there, when all workers are isolated and at the end',
      helpValue: 'FILE',
    }),
    notify: Flags.boolean({
      description: 'tell systemd (Type=notify) that the unit is ready when all workers are isolated',
    }),
    workers: Flags.integer({
      description: 'how many isolated threads the program will have; default: one on each CPU',
      helpValue: 'N',
      min: 1,
    }),
    numa: Flags.option({
      options: NUMA,
      description: 'memory from the NUMA nodes of the CPUs: preferably, only, or wherever',
      default: 'local',
    })(),
    'dry-run': Flags.boolean({char: 'n', description: 'print the command that would be executed'}),
  }

  async run(): Promise<unknown> {
    const {own, program} = cutArguments(this.argv)
    const {flags} = await this.parse(Launch, [...own])
    const launch = await prepareLaunch(this.machine(flags.root), {
      ...flags,
      program,
      json: this.jsonEnabled(),
      policy: flags.policy === undefined ? undefined : parsePolicy(flags.policy),
      enter: parseEnter(flags.enter),
      onBreak: parseOnBreak(flags['on-break']),
      allowGuest: flags['allow-guest'],
      statusFile: flags['status-file'],
      workers: flags.workers,
    })
    const shim = asset('libexec/isol-exec')
    for (const note of launch.notes) if (!flags.quiet) process.stderr.write(`note: ${note}\n`)
    if (!flags['dry-run']) return await become(shim, [basename(shim), ...launch.argv])
    const command = [shim, ...launch.argv]
    this.log(shellLine(command))
    return describeLaunch(launch, command)
  }
}
