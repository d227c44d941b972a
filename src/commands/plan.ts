// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import type {Plan} from '../plan/plan.ts'
import {savePlan} from '../plan/plan-file.ts'
import {planExit, renderPlan, renderUnknown} from '../report/plan.ts'
import {columns} from '../ui/terminal.ts'
import {IsolCommand} from './base.ts'
import {applyCommand, planSelection, selectionFlags} from './selection.ts'

export default class PlanCommand extends IsolCommand {
  static override summary = 'Show what apply would change, as a diff.'
  static override description =
    'The exit status is 10 when there are changes, 0 when there are none, and 3 when they are unknown.'
  static override examples = [
    '<%= config.bin %> plan',
    '<%= config.bin %> plan --cpus 2-7 --only irq-affinity',
    '<%= config.bin %> plan --out plan.json; sudo <%= config.bin %> apply plan.json',
    '<%= config.bin %> plan --root ./captured-host --json',
  ]
  static override flags = {
    ...selectionFlags,
    out: Flags.string({description: 'save the plan to this file, for apply', helpValue: 'FILE'}),
  }

  async run(): Promise<Plan> {
    const {flags} = await this.parse(PlanCommand)
    const plan = await planSelection(this.view(flags.root), flags)
    if (flags.out !== undefined) await savePlan(flags.out, plan)
    const layout = {width: columns(), verbose: flags.verbose, applyCommand: applyCommand(flags, flags.out)}
    this.show(renderPlan(plan, layout), flags)
    if (flags.quiet && plan.unknown.length > 0) this.show(renderUnknown(plan, layout), {})
    process.exitCode = planExit(plan)
    return plan
  }
}
