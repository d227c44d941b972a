// SPDX-License-Identifier: MIT
import {runInLab} from '../../lab/run.ts'
import {UserError} from '../../lib/errors.ts'
import {interruptible} from '../../lib/interrupt.ts'
import {IsolCommand} from '../base.ts'
import {chosenKernel, machineFlags, machineOptions, VIRTUAL_NOTE} from './flags.ts'
import {streamed, summary} from './output.ts'

export default class LabRun extends IsolCommand {
  static override summary = 'Run a command in a QEMU machine with isolated CPUs.'
  static override description =
    'The machine can read the files of this host. What it writes goes to a layer in memory and is lost when it stops. ' +
    'The exit status is that of the command.'
  static override usage =
    'lab run [--cpus N] [--isolated L] [--kernel FILE] [--accel auto|kvm|tcg] -- COMMAND...'
  static override examples = [
    '<%= config.bin %> lab run -- uname -a',
    '<%= config.bin %> lab run --cpus 6 --isolated 2-5 -- cat /sys/devices/system/cpu/isolated',
  ]
  static override flags = machineFlags

  async run(): Promise<unknown> {
    const [own, command] = cutAtDashes(this.argv)
    this.argv = own // oclif changes the order of the words after "--"
    const {flags} = await this.parse(LabRun, own)
    const [file, ...args] = command
    if (file === undefined)
      throw new UserError('no command to run in the lab', {
        help: 'put it after "--": isolctl lab run -- uname -a',
      })
    const run = (sinks: object) =>
      interruptible(async (signal) =>
        runInLab([file, ...args], {
          ...machineOptions(flags),
          kernel: await chosenKernel(flags, {quiet: flags.quiet || this.jsonEnabled(), signal}),
          signal,
          ...(process.stdin.isTTY ? {} : {stdin: process.stdin}),
          ...sinks,
          onEngine: (engine) => {
            if (!flags.quiet) process.stderr.write(VIRTUAL_NOTE[engine])
          },
        }),
      )
    const result = await (this.jsonEnabled() ? run({}) : streamed(run))
    if (result === undefined) return undefined
    process.exitCode = result.exitCode
    return summary(result)
  }
}

function cutAtDashes(argv: readonly string[]): [own: string[], command: string[]] {
  const at = argv.indexOf('--')
  return at < 0 ? [[...argv], []] : [argv.slice(0, at), argv.slice(at + 1)]
}
