// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {signalNumber, stopProgram} from '../launch/stop.ts'
import {UserError} from '../lib/errors.ts'
import {interruptible} from '../lib/interrupt.ts'
import {renderStop, stopExit} from '../report/stop.ts'
import type {StopReport} from '../schema/stop.ts'
import {duration, IsolCommand, processId} from './base.ts'

export default class Stop extends IsolCommand {
  static override summary = 'End a launched program, and report how its isolation ended.'
  static override description =
    `Sends the signal, waits until the program has ended, and shows for each of its isolated threads whether it ended or broke.
Processes that the program leaves behind get the signal when it has ended.
The exit status is 0 when the program ended in order or the unit is not running, and 1 when it runs after the time or
a thread broke. In a unit: ExecStop=/usr/bin/isolctl stop --unit %n`
  static override examples = [
    '<%= config.bin %> stop 4711',
    '<%= config.bin %> stop 4711 --signal INT --timeout 10s',
    '<%= config.bin %> stop --unit feed-handler.service --json',
  ]
  static override args = {
    pid: processId({description: 'the process to end'}),
  }
  static override flags = {
    unit: Flags.string({
      description: 'end the main process of this systemd unit, with its KillSignal=',
      helpValue: 'UNIT',
    }),
    signal: Flags.string({
      description: 'the signal to send; default: SIGTERM, or that of the unit',
      helpValue: 'SIG',
    }),
    timeout: duration({description: 'how long to wait for the end', default: 90_000}),
  }

  async run(): Promise<StopReport> {
    const {args, flags} = await this.parse(Stop)
    const host = this.machine(flags.root)
    if ((args.pid === undefined) === (flags.unit === undefined))
      throw new UserError('give one program to stop: PID or --unit', {
        help: 'isolctl stop 4711, or isolctl stop --unit feed-handler.service',
      })
    if (flags.signal !== undefined) signalNumber(flags.signal)
    const program = flags.unit === undefined ? {pid: args.pid ?? 0} : {unit: flags.unit}
    return await interruptible(async (abort) => {
      const report = await stopProgram(host, {program, signal: flags.signal, timeoutMs: flags.timeout, abort})
      const exit = stopExit(report)
      process.exitCode = exit
      if (!this.jsonEnabled() && (exit !== 0 || !flags.quiet)) process.stdout.write(renderStop(report))
      return report
    })
  }
}
