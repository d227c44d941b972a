// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import type {Check} from '../checks/check.ts'
import {CHECKS} from '../checks/registry.ts'
import {findCheck} from '../checks/select.ts'
import {colour} from '../report/colour.ts'
import {explanation, renderExplanation} from '../report/explain.ts'
import {IsolCommand} from './base.ts'

export default class Explain extends IsolCommand {
  static override description =
    'Say what a check is for: why, how it is measured, what its values mean, what to do, and where it is written.'
  static override examples = [
    '<%= config.bin %> explain tick-stopped-under-load',
    '<%= config.bin %> explain',
  ]
  static override args = {
    id: Args.string({description: 'the check; without it, all of them are listed', ignoreStdin: true}),
  }

  async run(): Promise<object> {
    const {args} = await this.parse(Explain)
    if (args.id === undefined) {
      for (const {id, title} of CHECKS) this.log(`${colour.bold(id.padEnd(27))} ${title}`)
      return {checks: CHECKS.map(({id, title}: Check) => ({id, title}))}
    }
    const check = findCheck(CHECKS, args.id)
    const width = Math.min(process.stdout.columns ?? 80, 100)
    this.log(renderExplanation(check, {paint: (style, text) => colour[style](text), width}).join('\n'))
    return explanation(check)
  }
}
