// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {CHECKS} from '../checks/registry.ts'
import {type Result, runChecks} from '../checks/run.ts'
import {selectChecks} from '../checks/select.ts'
import {resolveSettings} from '../config/settings.ts'
import {gatherer, given} from '../facts/fact.ts'
import {settings} from '../facts/settings.ts'
import {abortable} from '../host/abortable.ts'
import {UserError} from '../lib/errors.ts'
import {interruptible} from '../lib/interrupt.ts'
import {refuseToBreakIsolation} from '../measure/guard.ts'
import {probe} from '../measure/watch.ts'
import {parsePolicy} from '../model/policy.ts'
import {reportContext} from '../report/context.ts'
import {toReport} from '../report/json.ts'
import {NAGIOS, nagiosExit, nagiosState} from '../report/nagios.ts'
import {FORMATS} from '../report/render.ts'
import {exitCode} from '../report/verdict.ts'
import type {Report} from '../schema/preflight.ts'
import {presenter} from '../ui/presenter.ts'
import {cpulist, duration, IsolCommand} from './base.ts'

const checkIds = (description: string) =>
  Flags.string({description, helpValue: '<id>', multiple: true, multipleNonGreedy: true, delimiter: ','})

export default class Preflight extends IsolCommand {
  static override description =
    'Prove, per isolated CPU, that the tick is stopped under load and that nothing else runs there; name the cause when not.'
  static override examples = [
    '<%= config.bin %> preflight',
    '<%= config.bin %> preflight --cpus 2-3 --policy fifo:50 --window 1m --strict',
    '<%= config.bin %> preflight --passive --skip smt-sibling --format json --output report.json',
    '<%= config.bin %> preflight --one-by-one --trace',
    '<%= config.bin %> preflight --quiet --format prom --output /var/lib/node_exporter/isolctl.prom',
    '<%= config.bin %> preflight --exit-scheme nagios --allow smt-sibling',
  ]
  static override flags = {
    cpus: cpulist({description: 'CPUs to look at; default: as in the config, or as booted'}),
    policy: Flags.string({
      description: 'scheduling policy of the programs to come: other, or fifo:1 to fifo:99',
    }),
    window: duration({description: 'how long to watch', defaultHelp: async () => '10s'}),
    passive: Flags.boolean({
      description: 'disturb nothing: start no spinners, and say what that leaves unproven',
    }),
    'one-by-one': Flags.boolean({
      description: 'load one isolated CPU after the other; default: all at once',
      exclusive: ['passive'],
    }),
    trace: Flags.boolean({
      description:
        'name the senders: watch again with tracepoints on, which interrupts every CPU; not while programs run isolated',
      exclusive: ['passive'],
    }),
    isolate: Flags.boolean({
      description: 'spin under task isolation, as launch does on the patched kernel',
      exclusive: ['passive'],
    }),
    extended: Flags.boolean({description: 'ask more: what is worth knowing besides'}),
    only: checkIds('run only this check'),
    skip: checkIds('leave this check out'),
    allow: checkIds('let this check fail with a warning'),
    strict: Flags.boolean({description: 'fail on warnings as well'}),
    format: Flags.option({
      options: ['text', ...FORMATS] as const,
      description: 'of the report; prom is for the textfile collector of node_exporter',
      default: 'text',
    })(),
    output: Flags.string({
      char: 'o',
      description: 'write the report to this file, whole or not at all',
      helpValue: '<file>',
    }),
    'exit-scheme': Flags.option({
      options: ['isolctl', 'nagios'] as const,
      description: 'nagios: 0 ok, 1 warnings, 2 failures, 3 unknown, and a first line that says so',
      default: 'isolctl',
    })(),
  }

  async run(): Promise<Report> {
    const {flags} = await this.parse(Preflight)
    const {selected, allow} = selectChecks(CHECKS, flags)
    if (flags.window !== undefined && flags.window < 1000)
      throw new UserError('--window is too short to tell a rate', {
        help: 'watch for 1s at least; 10s is usual',
      })
    const view = this.view(flags.root)
    const asked = await resolveSettings(view, {
      ...flags,
      windowMs: flags.window,
      policy: flags.policy === undefined ? undefined : parsePolicy(flags.policy),
    })
    return interruptible(async (signal) => {
      const host = abortable(view, signal)
      const get = gatherer(host, [
        given(settings, asked),
        given(probe, {
          spin: !flags.passive,
          isolate: flags.isolate,
          oneByOne: flags['one-by-one'],
          trace: flags.trace,
        }),
      ])
      if (host.live && !flags.passive) await refuseToBreakIsolation(get)
      const {version} = this.config
      const context = (results: readonly Result[]) => reportContext(host, get, {version, results})
      const nagios = flags['exit-scheme'] === 'nagios'
      const show = presenter(await context([]), {
        ...flags,
        checks: selected,
        fold: flags.only === undefined, // a check that was named is an answer that was asked for
        answerFirst: nagios,
        silent: this.jsonEnabled(),
      })
      const results: Result[] = []
      const clock = () => performance.now()
      for await (const result of runChecks(selected, get, {allow, clock, signal, starting: show.starting})) {
        results.push(result)
        show.result(result)
      }
      const report = toReport(results, await context(results))
      await show.end(results, report)
      process.exitCode = nagios ? NAGIOS[nagiosState(report, flags)] : exitCode(results, flags)
      return report
    })
  }

  protected override async catch(error: Error): Promise<void> {
    await super.catch(error)
    if (/--exit-scheme[= ]nagios/.test(this.argv.join(' ')))
      process.exitCode = nagiosExit(Number(process.exitCode))
  }
}
