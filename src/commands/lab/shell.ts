// SPDX-License-Identifier: MIT
import {runInLab} from '../../lab/run.ts'
import {UserError} from '../../lib/errors.ts'
import {interruptible} from '../../lib/interrupt.ts'
import {IsolCommand} from '../base.ts'
import {chosenKernel, machineFlags, machineOptions, VIRTUAL_NOTE} from './flags.ts'

/** The time limit of a machine. A person types here, so it is long. */
const DAY_MS = 86_400_000

export default class LabShell extends IsolCommand {
  static override summary = 'Open a root shell in a QEMU machine with isolated CPUs.'
  static override description =
    'The machine can read the files of this host. What it writes goes to a layer in memory and is lost when it stops.'
  static override examples = ['<%= config.bin %> lab shell --cpus 6 --isolated 2-5']
  static override enableJsonFlag = false
  static override flags = machineFlags

  async run(): Promise<void> {
    const {flags} = await this.parse(LabShell)
    if (!process.stdin.isTTY || !process.stdout.isTTY)
      throw new UserError('lab shell needs a terminal', {
        help: 'without a terminal, use: isolctl lab run -- COMMAND',
      })
    const {exitCode} = await interruptible(async (signal) =>
      runInLab([process.env['SHELL'] ?? '/bin/sh'], {
        timeoutMs: DAY_MS,
        ...machineOptions(flags),
        kernel: await chosenKernel(flags, {quiet: flags.quiet, signal}),
        signal,
        stdin: 'tty',
        env: {
          TERM: process.env['TERM'] ?? 'dumb',
          LINES: `${process.stdout.rows}`,
          COLUMNS: `${process.stdout.columns}`,
        },
        onEngine: (engine) => {
          if (!flags.quiet)
            process.stderr.write(
              `${VIRTUAL_NOTE[engine]}leave with exit, or stop the machine with Ctrl-A X\n`,
            )
        },
      }),
    )
    process.exitCode = exitCode
  }
}
