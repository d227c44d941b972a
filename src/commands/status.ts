// SPDX-License-Identifier: MIT
import {bootId} from '../facts/boot-id.ts'
import {gatherer} from '../facts/fact.ts'
import {isolatedThreads} from '../facts/isolation.ts'
import {journal} from '../facts/journal.ts'
import {writers} from '../facts/tuners.ts'
import type {HostView} from '../host/host.ts'
import {Exit} from '../lib/exit.ts'
import {interruptible} from '../lib/interrupt.ts'
import {changesInForce, readPlaces, statusOf} from '../plan/status.ts'
import {renderIsolation} from '../report/isolation.ts'
import {renderStatus, statusExit, statusReport} from '../report/status.ts'
import type {StatusReport} from '../schema/machine.ts'
import {columns} from '../ui/terminal.ts'
import {duration, IsolCommand} from './base.ts'

export default class Status extends IsolCommand {
  static override summary = 'Show what apply did, what has drifted since, and which threads are isolated.'
  static override description =
    `Threads are looked at without disturbing them: under the patched kernel, and as root.
Exit status 1 when something drifted or a run was killed before it finished, 3 when something cannot be read.`
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --json',
    '<%= config.bin %> status --watch 1s',
  ]
  static override flags = {
    watch: duration({description: 'look again after this time, until interrupted; with --json, a line each'}),
  }

  /** While watching nothing is left to be printed at the end. */
  async run(): Promise<StatusReport | undefined> {
    const {flags} = await this.parse(Status)
    const host = this.view(flags.root)
    const show = (report: StatusReport) => {
      if (this.jsonEnabled() && flags.watch !== undefined) process.stdout.write(`${JSON.stringify(report)}\n`)
      if (this.jsonEnabled() || (flags.quiet && report.ok)) return
      const {threads, threadsUnknown} = report
      process.stdout.write(renderStatus(report, {width: columns()}))
      if (threads) process.stdout.write(renderIsolation(threads))
      if (threadsUnknown !== undefined)
        process.stdout.write(`\ncannot tell which threads are isolated: ${threadsUnknown}\n`)
    }
    return await interruptible(async (signal) => {
      for (;;) {
        const report = await lookAt(host)
        show(report)
        process.exitCode =
          report.threadsUnknown === undefined ? statusExit(report) : statusExit(report) || Exit.unknown
        if (flags.watch === undefined) return report
        if (!host.live) return undefined
        await host.live.sleep(flags.watch, signal).catch(() => undefined)
        if (signal.aborted) return undefined // this is how watching ends
      }
    })
  }
}

async function lookAt(host: HostView): Promise<StatusReport> {
  const get = gatherer(host)
  const [entries, boot] = [await get(journal), await get(bootId)]
  const readings = await readPlaces(host, changesInForce(entries, boot))
  // An ordinary /proc is not always there: then nobody is suspected.
  const who = await get(writers).catch(() => () => undefined)
  const report = statusReport(statusOf(entries, {bootId: boot, readings, writers: who}), {
    host: host.name,
    bootId: boot,
  })
  if (!host.live) return report // threads come and go: a captured machine has none
  try {
    const threads = await get(isolatedThreads)
    return threads === undefined ? report : {...report, threads: [...threads]}
  } catch (error) {
    return {...report, threadsUnknown: error instanceof Error ? error.message : String(error)}
  }
}
