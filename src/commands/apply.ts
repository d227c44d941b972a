// SPDX-License-Identifier: MIT
import {Args, Flags} from '@oclif/core'
import type {Host} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {interruptible} from '../lib/interrupt.ts'
import {requireRootsProgram, requireTrusted} from '../lib/trust.ts'
import {agreed} from '../plan/agree.ts'
import type {ApplyEvent} from '../plan/apply.ts'
import {withDeadMan} from '../plan/dead-man.ts'
import {changeCount, type Plan} from '../plan/plan.ts'
import {loadPlan} from '../plan/plan-file.ts'
import {requireRoot, session} from '../plan/session.ts'
import {applyExit, applyFailure, applyReport, renderApply} from '../report/apply.ts'
import {renderPlan, renderUnknown} from '../report/plan.ts'
import type {ApplyReport} from '../schema/machine.ts'
import {columns, confirm} from '../ui/terminal.ts'
import {watch} from '../ui/watch.ts'
import {duration, IsolCommand} from './base.ts'
import {applyCommand, planSelection, selectionFlags, selectionOf} from './selection.ts'

export default class Apply extends IsolCommand {
  static override summary = 'Make the changes that plan shows, and record how to undo them.'
  static override description =
    'Each change is written to the journal before it is made, and read back afterwards. If a change fails, and on Ctrl-C, the run is undone.'
  static override examples = [
    '<%= config.bin %> apply',
    '<%= config.bin %> apply --cpus 2-7 --yes',
    '<%= config.bin %> apply plan.json --yes --json',
    '<%= config.bin %> apply --confirm-within 2m --also management-nic; <%= config.bin %> confirm',
    '<%= config.bin %> apply --persist',
    '<%= config.bin %> apply --dry-run',
  ]
  static override args = {
    plan: Args.string({
      description:
        'a plan that plan --out saved: its changes are made if isolctl still plans them; without it, the machine is planned now',
      ignoreStdin: true,
    }),
  }
  static override flags = {
    ...selectionFlags,
    yes: Flags.boolean({
      char: 'y',
      description: 'do not ask for confirmation; required without a terminal',
      default: false,
    }),
    'confirm-within': duration({
      description: 'undo the run after this time unless isolctl confirm is called',
    }),
    'dry-run': Flags.boolean({char: 'n', description: 'show the plan and change nothing', default: false}),
  }

  async run(): Promise<ApplyReport | Plan> {
    const {args, flags} = await this.parse(Apply)
    const host = this.machine(flags.root)
    if (args.plan !== undefined && (flags.only || flags.also || flags.cpus))
      throw new UserError('a saved plan is applied whole', {
        help: 'leave out --only, --also and --cpus, or save another plan',
      })
    if (!flags['dry-run']) requireRoot('apply')
    const plan =
      args.plan === undefined
        ? await planSelection(host, flags)
        : await planAgain(host, await loadPlan(args.plan, host.name), flags.config)
    const again = applyCommand(flags, args.plan)
    const text = renderPlan(plan, {
      width: columns(),
      verbose: flags.verbose,
      applyCommand: again,
      undo: true,
    })
    if (flags['dry-run']) {
      this.show(text, flags)
      if (flags.quiet && plan.unknown.length > 0) this.show(renderUnknown(plan, {width: columns()}), {})
      return plan
    }
    const events: ApplyEvent[] = []
    if (changeCount(plan) > 0) {
      if (plan.steps.some(({id, changes}) => id === 'persistence' && changes.length > 0)) {
        await requireRootsProgram('the unit of --persist')
        await requireTrusted(flags.config, {
          what: 'the unit of --persist reads the config as root, and',
          help: 'copy the config to a place where only root can write, such as /etc/isolctl/config.yaml',
        })
      }
      if (!flags.yes) await confirm(text, {question: 'Apply?', command: again})
      await interruptible((signal) =>
        session(host, {clock: host.live.now, isolctl: this.config.version, signal}, async (options) => {
          const run = withDeadMan(plan, {...options, wait: host.live.sleep}, flags['confirm-within'])
          for await (const event of watch(run, {...flags, json: this.jsonEnabled()})) events.push(event)
        }),
      )
    }
    const report = applyReport(plan, events, flags['confirm-within'])
    process.exitCode = applyExit(report)
    if (this.jsonEnabled()) return report
    if (!flags.quiet) process.stdout.write(renderApply(report, {width: columns()}))
    const failure = applyFailure(report)
    if (failure) throw failure
    return report
  }
}

/** The part of today's plan that a saved plan chose: a file says what to do, and not how. */
async function planAgain(host: Host, saved: Plan, config: string): Promise<Plan> {
  return agreed(saved, await planSelection(host, {...selectionOf(saved), config}), host)
}
