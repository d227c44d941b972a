// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import type {Check} from '../checks/check.ts'
import {CHECKS} from '../checks/registry.ts'
import {findCheck} from '../checks/select.ts'
import {paintWith} from '../report/colour.ts'
import {explanation, renderCheckList, renderExplanation} from '../report/explain.ts'
import {columns} from '../ui/terminal.ts'
import {IsolCommand} from './base.ts'

export default class Explain extends IsolCommand {
  static override summary = 'Explain a check: why, how it is measured, and what to do.'
  static override description = 'Without an id, it lists the checks by subject, as preflight prints them.'
  static override examples = [
    '<%= config.bin %> explain',
    '<%= config.bin %> explain tick-stopped-under-load',
  ]
  static override args = {
    id: Args.string({description: 'the check to explain', ignoreStdin: true}),
  }

  async run(): Promise<object> {
    const {args, flags} = await this.parse(Explain)
    const layout = {paint: paintWith, width: Math.min(columns(), 100)}
    if (args.id === undefined) {
      this.print(renderCheckList(layout).join('\n'), flags)
      return {schema: 'isolctl.explain/1', checks: CHECKS.map(({id, title}: Check) => ({id, title}))}
    }
    const check = findCheck(CHECKS, args.id)
    this.print(renderExplanation(check, layout).join('\n'), flags)
    return {schema: 'isolctl.explain/1', ...explanation(check)}
  }
}
