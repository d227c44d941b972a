// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {bootId} from '../facts/boot.ts'
import {gatherer} from '../facts/fact.ts'
import {journal} from '../facts/journal.ts'
import {interruptible} from '../lib/interrupt.ts'
import {inForce} from '../plan/journal.ts'
import {requireRoot, session} from '../plan/session.ts'
import {deltasOf, rehearse, type Undone, undo} from '../plan/undo.ts'
import type {UndoReport} from '../report/schema/machine.ts'
import {renderRehearsal, renderUndo, undoExit, undoReport} from '../report/undo.ts'
import {columns} from '../ui/terminal.ts'
import {watch} from '../ui/watch.ts'
import {IsolCommand} from './base.ts'

export default class Undo extends IsolCommand {
  static override summary = 'Take back what apply did, newest first.'
  static override description =
    'Needs neither the config nor the network. A value that somebody else has changed since is named and left alone.'
  static override examples = [
    '<%= config.bin %> undo',
    '<%= config.bin %> undo --dry-run',
    '<%= config.bin %> undo --force',
  ]
  static override flags = {
    'dry-run': Flags.boolean({
      char: 'n',
      description: 'show what would be taken back and change nothing',
      default: false,
    }),
    force: Flags.boolean({
      char: 'f',
      description: 'also overwrite what somebody else has written since',
      default: false,
    }),
  }

  async run(): Promise<UndoReport> {
    const {flags} = await this.parse(Undo)
    const host = this.machine(flags.root)
    requireRoot('undo')
    const get = gatherer(host)
    const planned = deltasOf(inForce(await get(journal), await get(bootId)))
    const undone: Undone[] = []
    let interrupted = false
    if (flags['dry-run']) {
      undone.push(...(await rehearse(planned, {host, force: flags.force})))
      if (!this.jsonEnabled()) process.stdout.write(renderRehearsal(undone, {width: columns()}))
    } else if (planned.length > 0)
      await interruptible((signal) =>
        session(host, {clock: host.live.now, isolctl: this.config.version, signal}, async (options) => {
          const deltas = deltasOf(inForce(options.journal.entries, options.bootId))
          const events = undo(deltas, {...options, force: flags.force})
          for await (const event of watch(events, {...flags, json: this.jsonEnabled()}))
            if (event.type === 'undo') undone.push(event.undone)
            else ({interrupted} = event)
        }),
      )
    const report = undoReport(undone, {host: host.name, dryRun: flags['dry-run'], interrupted})
    process.exitCode = undoExit(report)
    if (!this.jsonEnabled() && !flags.quiet) process.stdout.write(renderUndo(report))
    return report
  }
}
