// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {resolveSettings} from '../config/settings.ts'
import {gatherer, given} from '../facts/fact.ts'
import {guest} from '../facts/guest.ts'
import {kernel} from '../facts/kernel.ts'
import {clocksource} from '../facts/platform.ts'
import {settings} from '../facts/settings.ts'
import {type AppendFile, appendFile} from '../host/append.ts'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {readRegular, writeOutput} from '../lib/files.ts'
import {interruptible} from '../lib/interrupt.ts'
import {jsonText} from '../lib/visible.ts'
import {circumstances} from '../measure/circumstances.ts'
import {refuseToBreakIsolation} from '../measure/guard.ts'
import {firstLine, intervalLine, readJournal} from '../measure/journal.ts'
import {measure} from '../measure/measure.ts'
import {probe} from '../measure/watch.ts'
import {formatPolicy, parsePolicy} from '../model/policy.ts'
import {type MeasureOutcome, measureReport, renderMeasure} from '../report/measure.ts'
import {measurePrometheus} from '../report/measure-prometheus.ts'
import type {MeasureHead, MeasureReport} from '../schema/measure.ts'
import {showProgress} from '../ui/progress.ts'
import {columns} from '../ui/terminal.ts'
import {cpulist, duration, IsolCommand} from './base.ts'

const UNIT_NS = {ns: 1, us: 1000, ms: 1_000_000} as const

/** A flag whose value is a short time, such as "20us". Gives whole nanoseconds, at most a second. */
const latency = Flags.custom<number>({
  helpValue: '<time>',
  parse: async (text) => {
    const match = /^(\d{1,9}(?:\.\d{1,9})?)(ns|us|ms)$/.exec(text)
    const ns = match ? Math.round(Number(match[1]) * UNIT_NS[match[2] as keyof typeof UNIT_NS]) : 0
    if (ns < 1 || ns > 1_000_000_000)
      throw new UserError(`not a time from 1ns to 1000ms: "${text}"`, {
        help: 'a time looks like 500ns, 20us or 1ms',
      })
    return ns
  },
})

const DEFAULT_THRESHOLD_NS = 10_000

/** A journal that has grown by this much is replaced by what it adds up to. */
const JOURNAL_BYTES = 4 * 1024 * 1024

export default class Measure extends IsolCommand {
  static override summary = 'Measure the noise of CPUs over hours, and name what caused it.'
  static override description =
    `Runs a spinner on each CPU and records every time in which the CPU did something else.
Works on any kernel. Ctrl-C ends the run early and keeps the result.
The exit status is 0, 1 if a gap was longer than --fail-over, and 3 if something could not be seen.`
  static override examples = [
    '<%= config.bin %> measure --cpus 2-3 --for 1h --fail-over 20us -o run.json',
    '<%= config.bin %> measure --cpus 2 --for 10m --policy fifo:50 --format prom',
    '<%= config.bin %> measure --recover run.json.journal -o run.json',
  ]
  static override flags = {
    cpus: cpulist({description: 'CPUs to measure; default: those of the config, or of the boot arguments'}),
    for: duration({description: 'measure for this time', defaultHelp: async () => '1m'}),
    policy: Flags.string({description: 'scheduling policy of the spinners: other, or fifo:1 to fifo:99'}),
    isolate: Flags.boolean({
      description: 'let the spinners enter task isolation, as launch does on the patched kernel',
      default: false,
    }),
    threshold: latency({
      description: 'count and explain gaps of at least this time; default: that of --fail-over, or 10us',
    }),
    'fail-over': latency({description: 'fail if a gap is longer than this time'}),
    format: Flags.option({
      options: ['text', 'json', 'prom'] as const,
      description: 'format on standard output; prom is for the textfile collector of node_exporter',
      default: 'text',
    })(),
    output: Flags.string({
      char: 'o',
      description: 'also write the result to this file, as JSON; while it runs, the journal is beside it',
      helpValue: '<file>',
    }),
    recover: Flags.string({
      description: 'measure nothing: read the journal of a run that a crash ended',
      helpValue: '<file>',
      exclusive: ['cpus', 'for', 'policy', 'isolate', 'threshold', 'fail-over'],
    }),
  }

  async run(): Promise<MeasureReport> {
    const {flags} = await this.parse(Measure)
    const outcome = flags.recover === undefined ? await this.measured(flags) : await recovered(flags.recover)
    const report = measureReport(outcome)
    if (flags.output !== undefined) await writeOutput(flags.output, `${jsonText(report)}\n`)
    await this.journal?.remove()
    if (flags.format === 'text') this.show(renderMeasure(report, {width: Math.min(columns(), 120)}), flags)
    else if (!this.jsonEnabled())
      process.stdout.write(flags.format === 'json' ? `${jsonText(report, 2)}\n` : measurePrometheus(report))
    process.exitCode = {ok: Exit.ok, over: Exit.failures, unknown: Exit.unknown}[report.verdict]
    return report
  }

  private journal: AppendFile | undefined

  private async measured(flags: MeasureFlags): Promise<MeasureOutcome> {
    const host = this.machine(flags.root)
    const ms = flags.for ?? 60_000
    if (ms < 1000) throw new UserError('--for is too short to measure', {help: 'measure for at least 1s'})
    const failOverNs = flags['fail-over']
    const thresholdNs = flags.threshold ?? failOverNs ?? DEFAULT_THRESHOLD_NS
    const policy = flags.policy === undefined ? undefined : parsePolicy(flags.policy)
    const asked = await resolveSettings(host, {...flags, policy})
    const get = gatherer(host, [given(settings, asked), given(probe, {spin: true, isolate: flags.isolate})])
    await refuseToBreakIsolation(get)
    const maybe = async <T>(key: string, value: Promise<T | undefined>) => {
      const known = await value.catch(() => undefined)
      return known === undefined ? {} : {[key]: known}
    }
    const head: Omit<MeasureHead, 'start' | 'spinners'> = {
      isolctl: this.config.version,
      host: {
        name: host.name,
        ...(await maybe(
          'kernel',
          get(kernel).then(({release}) => release),
        )),
        ...(await maybe('guest', get(guest))),
        ...(await maybe('clocksource', get(clocksource))),
      },
      policy: formatPolicy(asked.policy),
      isolate: flags.isolate,
      asked: {
        cpus: `${asked.isolated}`,
        ms,
        thresholdNs,
        ...(failOverNs === undefined ? {} : {failOverNs}),
      },
    }
    const facts = await get(circumstances)
    const journalPath = flags.output === undefined ? undefined : `${flags.output}.journal`
    let whole: MeasureHead = {...head, start: host.live.now(), spinners: []}
    const progress = showProgress({quiet: flags.quiet || this.jsonEnabled()})
    const title = `measure CPU ${asked.isolated} for ${ms / 1000} s`
    const {interrupted, ...result} = await interruptible((signal) =>
      progress.step(title, (at) =>
        measure(
          host,
          {
            cpus: asked.isolated,
            housekeeping: asked.housekeeping,
            policy: asked.policy,
            isolate: flags.isolate,
            ms,
            thresholdNs,
          },
          {
            facts,
            signal,
            observer: {
              begun: async (spinners, run) => {
                whole = {...head, start: new Date(run.startMs).toISOString(), spinners: [...spinners]}
                if (journalPath !== undefined)
                  this.journal = await createJournal(journalPath, firstLine(whole, run))
              },
              interval: async (interval, run, watchedMs) => {
                if (this.journal && this.journal.grown > JOURNAL_BYTES)
                  await this.journal.restart(firstLine(whole, run))
                else await this.journal?.append(intervalLine(interval))
                at({done: Math.floor(watchedMs / 1000), total: Math.round(ms / 1000), unit: 'seconds'})
              },
            },
          },
        ),
      ),
    )
    return {head: whole, ...result, cut: interrupted ? 'interrupted' : undefined}
  }
}

interface MeasureFlags {
  readonly root?: string | undefined
  readonly config: string
  readonly cpus?: Parameters<typeof resolveSettings>[1]['cpus']
  readonly for?: number | undefined
  readonly policy?: string | undefined
  readonly isolate: boolean
  readonly threshold?: number | undefined
  readonly 'fail-over'?: number | undefined
  readonly output?: string | undefined
  readonly quiet: boolean
}

async function createJournal(path: string, text: string): Promise<AppendFile> {
  return await appendFile(path, text).catch((cause: unknown) => {
    const there = errnoOf(cause) === 'EEXIST'
    throw new UserError(
      there ? `${path} exists: a run did not end` : `cannot write ${path}: ${errnoOf(cause)}`,
      {
        exit: Exit.unsuitable,
        code: errnoOf(cause) ?? 'EIO',
        help: there
          ? `keep what it holds: isolctl measure --recover ${path} -o FILE; then remove it`
          : 'name a file in a directory that exists and that you can write to',
        cause,
      },
    )
  })
}

/** 512 MiB is far above the sum of a run, JOURNAL_BYTES and one more line. */
const JOURNAL_LIMIT = 512 * 1024 * 1024

async function recovered(path: string): Promise<MeasureOutcome> {
  const text = await readRegular(path, {limit: JOURNAL_LIMIT}).catch((cause: unknown) => {
    throw new UserError(`cannot read ${path}: ${errnoOf(cause) ?? 'EIO'}`, {exit: Exit.unsuitable, cause})
  })
  const {head, run, lost: damaged} = readJournal(text, path)
  return {head, run, whole: [], lost: new Map(), cut: 'recovered', damaged}
}
