// SPDX-License-Identifier: MIT
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {awaited} from '../model/journal.ts'
import {disarm} from '../plan/dead-man.ts'
import {requireRoot, session} from '../plan/session.ts'
import type {ConfirmReport} from '../schema/machine.ts'
import {IsolCommand} from './base.ts'

export default class Confirm extends IsolCommand {
  static override summary = 'Keep what apply --confirm-within did.'
  static override description =
    'Say it over a new connection: that you still get one is what is to be proved. Unsaid, the run is taken back.'
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
          throw new UserError(`run ${waiting.run} cannot stay: part of it was taken back`, {
            exit: Exit.failures,
            code: 'too-late',
            help: `take back the rest, or learn why it is left: isolctl undo --run ${waiting.run}`,
          })
        if (waiting?.state !== 'waiting')
          throw new UserError('no run waits to be confirmed', {help: 'isolctl status shows what is applied'})
        await journal.append({op: 'confirmed', at: clock(), run: waiting.run})
        return waiting.run
      },
    )
    await disarm(host, run)
    if (!this.jsonEnabled() && !flags.quiet) process.stdout.write(`${host.name}: run ${run} stays\n`)
    return {schema: 'isolctl.confirm/1', host: host.name, run}
  }
}
