// SPDX-License-Identifier: MIT
import {bootId} from '../facts/boot.ts'
import {gatherer} from '../facts/fact.ts'
import {journal} from '../facts/journal.ts'
import {writers} from '../facts/tuners.ts'
import {changesInForce, readPlaces, statusOf} from '../plan/status.ts'
import type {StatusReport} from '../report/schema/machine.ts'
import {renderStatus, statusExit, statusReport} from '../report/status.ts'
import {columns} from '../ui/terminal.ts'
import {IsolCommand} from './base.ts'

export default class Status extends IsolCommand {
  static override summary = 'Show what apply did, and what has drifted since.'
  static override description =
    'Exit status 1 when something drifted or a run was killed before it finished, 3 when something cannot be read.'
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status --json']

  async run(): Promise<StatusReport> {
    const {flags} = await this.parse(Status)
    const host = this.view(flags.root)
    const get = gatherer(host)
    const [entries, boot] = [await get(journal), await get(bootId)]
    const readings = await readPlaces(host, changesInForce(entries, boot))
    // An ordinary /proc is not always there: then nobody is suspected.
    const who = await get(writers).catch(() => () => undefined)
    const report = statusReport(statusOf(entries, {bootId: boot, readings, writers: who}), {
      host: host.name,
      bootId: boot,
    })
    if (!this.jsonEnabled() && !(flags.quiet && report.ok))
      process.stdout.write(renderStatus(report, {width: columns()}))
    process.exitCode = statusExit(report)
    return report
  }
}
