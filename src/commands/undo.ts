// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {bootId} from '../facts/boot-id.ts'
import {gatherer} from '../facts/fact.ts'
import {journal} from '../facts/journal.ts'
import {Exit} from '../lib/exit.ts'
import {interruptible} from '../lib/interrupt.ts'
import {type Entry, toUndo} from '../model/journal.ts'
import {requireRoot, session} from '../plan/session.ts'
import {deltasOf, rehearse, type Undone, undo} from '../plan/undo.ts'
import {renderRehearsal, renderUndo, undoExit, undoReport} from '../report/undo.ts'
import type {UndoReport} from '../schema/machine.ts'
import {columns} from '../ui/terminal.ts'
import {watch} from '../ui/watch.ts'
import {duration, IsolCommand} from './base.ts'

export default class Undo extends IsolCommand {
  static override summary = 'Undo what apply did, newest change first.'
  static override description =
    'Needs neither the config nor the network. A value that another program has changed since is named and left alone.'
  static override examples = [
    '<%= config.bin %> undo',
    '<%= config.bin %> undo --dry-run',
    '<%= config.bin %> undo --run 8385c205',
    '<%= config.bin %> undo --force',
  ]
  static override flags = {
    'dry-run': Flags.boolean({
      char: 'n',
      description: 'show what would be undone and change nothing',
      default: false,
    }),
    run: Flags.string({description: 'undo only this run; isolctl status shows the ids', helpValue: 'ID'}),
    'unless-confirmed': Flags.boolean({
      description: 'do nothing if the run was confirmed; wait while another isolctl runs',
      dependsOn: ['run'],
    }),
    overdue: Flags.boolean({
      description:
        'undo only a run that was not confirmed in time, or not before a restart; the exit status is 1 if there was one',
      exclusive: ['run'],
    }),
    after: duration({description: 'wait for this time first', dependsOn: ['unless-confirmed']}),
    force: Flags.boolean({
      char: 'f',
      description: 'also overwrite what another program has written since',
      default: false,
    }),
  }

  async run(): Promise<UndoReport> {
    const {flags} = await this.parse(Undo)
    const host = this.machine(flags.root)
    requireRoot('undo')
    if (flags.after) await host.live.sleep(flags.after)
    const get = gatherer(host)
    const boot = await get(bootId)
    const wanted = (entries: readonly Entry[]) =>
      deltasOf(
        toUndo(entries, {
          bootId: boot,
          run: flags.run,
          unlessConfirmed: flags['unless-confirmed'],
          overdueAt: flags.overdue ? host.live.now() : undefined,
        }),
      )
    const planned = wanted(await get(journal))
    const undone: Undone[] = []
    let interrupted = false
    if (flags['dry-run']) {
      undone.push(...(await rehearse(planned, {host, force: flags.force})))
      this.show(renderRehearsal(undone, {width: columns()}), flags)
      // An unconfirmed run may still be running, or may not have started: only the lock shows
      // which.
    } else if (planned.length > 0 || flags['unless-confirmed'])
      await interruptible((signal) =>
        session(
          host,
          {
            clock: host.live.now,
            isolctl: this.config.version,
            signal,
            patient: flags['unless-confirmed'] ?? false,
          },
          async (options) => {
            const deltas = wanted(options.journal.entries)
            if (deltas.length === 0) return
            const events = undo(deltas, {...options, force: flags.force})
            for await (const event of watch(events, {...flags, json: this.jsonEnabled()}))
              if (event.type === 'undo') undone.push(event.undone)
              else ({interrupted} = event)
          },
        ),
      )
    const report = undoReport(undone, {host: host.name, dryRun: flags['dry-run'], interrupted})
    process.exitCode = undoExit(report) || (flags.overdue && undone.length > 0 ? Exit.failures : Exit.ok)
    this.show(renderUndo(report), flags)
    return report
  }
}
