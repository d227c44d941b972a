// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import bootCpuNotIsolated from '../checks/boot-cpu-not-isolated.ts'
import type {Check} from '../checks/check.ts'
import cpusExistOnline from '../checks/cpus-exist-online.ts'
import {BOOTED_TEXT_CHECKS, CHECKS} from '../checks/registry.ts'
import {type Result, runChecks} from '../checks/run.ts'
import {selectChecks} from '../checks/select.ts'
import {resolveSettings, type SettingsRequest} from '../config/settings.ts'
import {NoTarget} from '../config/target.ts'
import {online} from '../facts/cpus.ts'
import {gatherer, given} from '../facts/fact.ts'
import {settings} from '../facts/settings.ts'
import {abortable} from '../host/abortable.ts'
import type {HostView} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {interruptible} from '../lib/interrupt.ts'
import {refuseToBreakIsolation} from '../measure/guard.ts'
import {probe} from '../measure/watch.ts'
import {CpuSet} from '../model/cpuset.ts'
import {parsePolicy} from '../model/policy.ts'
import type {Settings} from '../model/settings.ts'
import {reportContext} from '../report/context.ts'
import {toReport} from '../report/json.ts'
import {NAGIOS, nagiosExit, nagiosState} from '../report/nagios.ts'
import {FORMATS} from '../report/render.ts'
import {exitCode} from '../report/verdict.ts'
import type {Report} from '../schema/preflight.ts'
import {presenter} from '../ui/presenter.ts'
import {cpulist, duration, IsolCommand} from './base.ts'
import {targetFlags} from './selection.ts'

const checkIds = (description: string) =>
  Flags.string({description, helpValue: '<id>', multiple: true, multipleNonGreedy: true, delimiter: ','})

export default class Preflight extends IsolCommand {
  static override summary = 'Prove that the isolated CPUs are quiet, or name the cause.'
  static override description = `Keeps each isolated CPU busy and counts what interrupts it.
The report groups the checks by subject, and counts those that passed. -v shows all of them.
The exit status is 0 when nothing failed and nothing is unknown, 1 after a failure, and 3 when something is unknown.`
  static override examples = [
    '<%= config.bin %> preflight',
    '<%= config.bin %> preflight --cpus 2-3 --policy fifo:50 --window 1m --strict',
    '<%= config.bin %> preflight --passive --skip smt-sibling --format json --output report.json',
    '<%= config.bin %> preflight --one-by-one --trace',
    '<%= config.bin %> preflight --quiet --format prom --output /var/lib/node_exporter/isolctl.prom',
    '<%= config.bin %> preflight --exit-scheme nagios --allow smt-sibling',
  ]
  static override flags = {
    cpus: cpulist({description: 'CPUs to check; default: those of the config, or of the boot arguments'}),
    policy: Flags.string({
      description:
        'scheduling policy of the programs that will run on these CPUs: other, or fifo:1 to fifo:99',
    }),
    window: duration({description: 'watch the CPUs for this time', defaultHelp: async () => '10s'}),
    passive: Flags.boolean({
      description: 'disturb nothing: start no spinner, and report what stays unproven',
    }),
    'one-by-one': Flags.boolean({
      description: 'load one isolated CPU after another; default: all at once',
      exclusive: ['passive'],
    }),
    trace: Flags.boolean({
      description:
        'watch a second time with tracepoints on, to name the sender of each interrupt; this interrupts every CPU, and is refused while programs run isolated',
      exclusive: ['passive'],
    }),
    isolate: Flags.boolean({
      description: 'let the spinner enter task isolation, as launch does on the patched kernel',
      exclusive: ['passive'],
    }),
    extended: Flags.boolean({description: 'also run the checks that isolation does not depend on'}),
    only: checkIds('run only this check, and show it even if it passes'),
    skip: checkIds('do not run this check'),
    allow: checkIds('count a failure of this check as a warning'),
    strict: Flags.boolean({description: 'count warnings as failures'}),
    format: Flags.option({
      options: ['text', ...FORMATS] as const,
      description: 'format of the report; prom is for the textfile collector of node_exporter',
      default: 'text',
    })(),
    output: Flags.string({
      char: 'o',
      description: 'write the report to this file, which is replaced completely or not at all',
      helpValue: '<file>',
    }),
    'exit-scheme': Flags.option({
      options: ['isolctl', 'nagios'] as const,
      description: 'nagios: 0 ok, 1 warnings, 2 failures, 3 unknown; the first line is for the monitor',
      default: 'isolctl',
    })(),
  }

  async run(): Promise<Report> {
    const {flags} = await this.parse(Preflight)
    const chosen = selectChecks(CHECKS, flags)
    const {allow} = chosen
    if (flags.window !== undefined && flags.window < 1000)
      throw new UserError('--window is too short to measure a rate', {
        help: 'watch for at least 1s; 10s is usual',
      })
    const view = this.view(flags.root)
    const request = {
      ...flags,
      windowMs: flags.window,
      policy: flags.policy === undefined ? undefined : parsePolicy(flags.policy),
    }
    const {asked, selected} = await resolveSettings(view, request).then(
      (asked) => ({asked, selected: chosen.selected}),
      (error: unknown) => withoutTarget(error, {view, request, ...chosen}),
    )
    const {report, results, show, nagios} = await interruptible(async (signal) => {
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
        fold: flags.only === undefined, // a check that was named is always shown
        answerFirst: nagios,
        silent: this.jsonEnabled(),
      })
      const results: Result[] = []
      const clock = () => performance.now()
      const options = {allow, clock, signal, starting: show.starting, applyFlags: targetFlags(flags)}
      for await (const result of runChecks(selected, get, options)) {
        results.push(result)
        show.result(result)
      }
      return {report: toReport(results, await context(results)), results, show, nagios}
    })
    // A signal ends the process here: the reader of a pipe may never come.
    await show.end(results, report)
    process.exitCode = nagios ? NAGIOS[nagiosState(report, flags)] : exitCode(results, flags)
    return report
  }

  protected override async catch(error: Error): Promise<void> {
    await super.catch(error)
    if (/--exit-scheme[= ]nagios/.test(this.argv.join(' ')))
      process.exitCode = nagiosExit(Number(process.exitCode))
  }
}

/** Checks that need no isolated CPU: of the text of the boot arguments, and of what they list. */
const WITHOUT_TARGET: readonly Check[] = [bootCpuNotIsolated, cpusExistOnline, ...BOOTED_TEXT_CHECKS]

/**
 * No target follows from the boot arguments or the config. The CPUs of the list that are online are
 * judged, and the others are a finding. Where none is, that may be the effect of a fault in the boot
 * arguments: the checks that need no target are run if one of them fails. Else `error` is thrown
 * again.
 */
async function withoutTarget(
  error: unknown,
  {
    view,
    request,
    selected,
    allow,
  }: {
    readonly view: HostView
    readonly request: SettingsRequest
    readonly selected: readonly Check[]
    readonly allow: ReadonlySet<string>
  },
): Promise<{readonly asked: Settings; readonly selected: readonly Check[]}> {
  if (!(error instanceof NoTarget)) throw error
  const there = await gatherer(view)(online)
  const unavailable = error.listed.minus(there)
  const left = error.listed.minus(unavailable)
  if (!unavailable.isEmpty && !left.isEmpty)
    return {asked: {...(await resolveSettings(view, {...request, cpus: left})), unavailable}, selected}
  const asked: Settings = {
    isolated: CpuSet.empty,
    housekeeping: there,
    unavailable,
    policy: request.policy ?? {kind: 'other'},
    windowMs: request.windowMs ?? 0,
  }
  const checks = selected.filter((check) => WITHOUT_TARGET.includes(check))
  const found: Result[] = []
  const get = gatherer(view, [given(settings, asked)])
  for await (const result of runChecks(checks, get, {allow, clock: () => 0})) found.push(result)
  if (!found.some(({status}) => status === 'fail')) throw error
  return {selected: checks, asked}
}
