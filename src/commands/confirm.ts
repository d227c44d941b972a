// SPDX-License-Identifier: MIT
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {awaited} from '../model/journal.ts'
import {disarm} from '../plan/dead-man.ts'
import {requireRoot, session} from '../plan/session.ts'
import type {ConfirmReport} from '../schema/machine.ts'
import {IsolCommand} from './base.ts'

export default class Confirm extends IsolCommand {
  static override summary = 'Keep the changes that apply --confirm-within made.'
  static override description =
    'Call it from a new connection, which shows that the machine still accepts one. Without it, the run is undone when the time is over.'
  static override examples = ['<%= config.bin %> confirm']

  async run(): Promise<ConfirmReport> {
    const {flags} = await this.parse(Confirm)
    const host = this.machine(flags.root)
    requireRoot('confirm')
    const run = await session(
      host,
      {clock: host.live.now, isolctl: this.config.version, patient: true},
      async ({journal, bootId, clock}) => {
        const waiting = awaited(journal.entries, bootId)
        if (waiting?.state === 'undone')
          throw new UserError(`run ${waiting.run} was not confirmed by ${waiting.by}, and was taken back`, {
            exit: Exit.failures,
            code: 'too-late',
            help: 'apply again, with more time: isolctl apply --confirm-within 5m',
          })
        if (waiting?.state === 'partly-undone')
          throw new UserError(`run ${waiting.run} cannot be kept: a part of it was undone`, {
            exit: Exit.failures,
            code: 'too-late',
            help: `undo the rest, or see why it was left: isolctl undo --run ${waiting.run}`,
          })
        if (waiting?.state !== 'waiting')
          throw new UserError('no run waits for a confirmation', {
            help: 'isolctl status shows what is applied',
          })
        await journal.append({op: 'confirmed', at: clock(), run: waiting.run})
        return waiting.run
      },
    )
    await disarm(host, run)
    this.print(`${host.name}: run ${run} is kept`, flags)
    return {schema: 'isolctl.confirm/1', host: host.name, run}
  }
}
