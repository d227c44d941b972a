// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import {onlyRelease, promote} from '../../kernel/install/promote.ts'
import {requireRoot} from '../../plan/session.ts'
import {showProgress} from '../../ui/progress.ts'
import {IsolCommand} from '../base.ts'
import {withTrialMachine} from './machine.ts'

export default class KernelPromote extends IsolCommand {
  static override summary = 'Make the running kernel the default without judging it.'
  static override examples = ['<%= config.bin %> kernel promote']
  static override args = {release: Args.string({description: 'the release, as uname -r prints it'})}

  async run(): Promise<unknown> {
    const {flags, args} = await this.parse(KernelPromote)
    const host = this.machine(flags.root)
    requireRoot('kernel promote')
    const record = await withTrialMachine(
      host,
      showProgress({quiet: flags.quiet || this.jsonEnabled()}),
      async (here) => promote(here, await onlyRelease(here, args.release), 'promoted by hand'),
    )
    this.print(`${record.release} is the default.`, flags)
    return {...record, schema: 'isolctl.kernel-promote/1'}
  }
}
