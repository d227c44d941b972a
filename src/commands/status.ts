// SPDX-License-Identifier: MIT
import {bootId} from '../facts/boot-id.ts'
import {gatherer} from '../facts/fact.ts'
import {type IsolatedThread, isolatedThreads} from '../facts/isolation.ts'
import {journal} from '../facts/journal.ts'
import {presentReport} from '../facts/launches.ts'
import {writers} from '../facts/tuners.ts'
import type {HostView} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {interruptible} from '../lib/interrupt.ts'
import {jsonText} from '../lib/visible.ts'
import {changesInForce, readPlaces, statusOf} from '../plan/status.ts'
import {page} from '../report/colour.ts'
import {isolationReport, renderIsolation} from '../report/isolation.ts'
import {renderLaunch} from '../report/launch.ts'
import {renderStatus, statusExit, statusReport} from '../report/status.ts'
import type {LaunchReport} from '../schema/launch.ts'
import type {StatusReport} from '../schema/machine.ts'
import {isAnswerLost} from '../ui/output.ts'
import {columns} from '../ui/terminal.ts'
import {duration, IsolCommand, processId} from './base.ts'

export default class Status extends IsolCommand {
  static override summary = 'Show what is applied, what drifted, and the isolated threads.'
  static override description =
    `Reads the state of isolated threads without disturbing them, which needs the patched kernel and root.
With PID, shows one launched program: how long each worker has been isolated, its breaks by cause, and what the other threads
wait for.
The exit status is 1 when something drifted or a run was killed before it finished, and 3 when something cannot be read.`
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --json',
    '<%= config.bin %> status 4711 --watch 1s',
    '<%= config.bin %> status --watch 1s',
  ]
  static override args = {
    pid: processId({description: 'a program that isolctl launched'}),
  }
  static override flags = {
    watch: duration({
      description: 'repeat after this time until interrupted; with --json, one line each time',
    }),
  }

  /** Returns undefined with --watch, because each report has been printed. */
  async run(): Promise<StatusReport | LaunchReport | undefined> {
    const {args, flags} = await this.parse(Status)
    const host = this.view(flags.root)
    const {pid} = args
    if (pid !== undefined) return await this.follow(host, pid, flags.watch)
    const show = ({report, threads}: Looked) => {
      if (this.jsonEnabled() && flags.watch !== undefined) process.stdout.write(`${jsonText(report)}\n`)
      if (this.jsonEnabled() || (flags.quiet && report.ok)) return
      const {threadsUnknown} = report
      process.stdout.write(renderStatus(report, {width: columns()}))
      if (threads) process.stdout.write(renderIsolation(threads))
      if (threadsUnknown !== undefined)
        process.stdout.write(page(['', `it is not known which threads are isolated: ${threadsUnknown}`]))
    }
    return await interruptible(async (signal) => {
      for (;;) {
        const looked = await lookAt(host)
        const {report} = looked
        show(looked)
        process.exitCode =
          report.threadsUnknown === undefined ? statusExit(report) : statusExit(report) || Exit.unknown
        if (flags.watch === undefined) return report
        if (!host.live) return undefined
        await host.live.sleep(flags.watch, signal).catch(() => undefined)
        if (signal.aborted || isAnswerLost()) return undefined // the user ended the watch
      }
    })
  }

  /** One launched program, with --watch until it ends. */
  private async follow(host: HostView, pid: number, watch: number | undefined) {
    return await interruptible(async (signal) => {
      for (let first = true; ; first = false) {
        const report = (await presentReport(host, pid))?.report
        if (report === undefined) {
          if (!first) return undefined
          throw new UserError(`no program that isolctl launched has the process id ${pid}`, {
            code: 'not-launched',
            help: 'run as root, or as the user of the program; isolctl status lists the isolated threads',
          })
        }
        if (!this.jsonEnabled()) process.stdout.write(renderLaunch(report))
        else if (watch !== undefined) process.stdout.write(`${jsonText(report)}\n`)
        if (watch === undefined || !host.live) return report
        await host.live.sleep(watch, signal).catch(() => undefined)
        if (signal.aborted || isAnswerLost()) return undefined
      }
    })
  }
}

interface Looked {
  readonly report: StatusReport
  /** Undefined: there are none to be known. */
  readonly threads?: readonly IsolatedThread[]
}

async function lookAt(host: HostView): Promise<Looked> {
  const get = gatherer(host)
  const [entries, boot] = [await get(journal), await get(bootId)]
  const readings = await readPlaces(host, changesInForce(entries, boot))
  // If the processes cannot be read, no program is named as the writer.
  const who = await get(writers).catch(() => () => undefined)
  const report = statusReport(statusOf(entries, {bootId: boot, readings, writers: who}), {
    host: host.name,
    bootId: boot,
  })
  if (!host.live) return {report} // a capture holds no isolated threads
  try {
    const threads = await get(isolatedThreads)
    if (threads === undefined) return {report}
    return {report: {...report, threads: isolationReport(threads)}, threads}
  } catch (error) {
    return {report: {...report, threadsUnknown: error instanceof Error ? error.message : String(error)}}
  }
}
