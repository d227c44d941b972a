// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import {onlyRelease, rollback} from '../../kernel/install/promote.ts'
import {requireRoot} from '../../plan/session.ts'
import {showProgress} from '../../ui/progress.ts'
import {IsolCommand} from '../base.ts'
import {withTrialMachine} from './machine.ts'

export default class KernelRollback extends IsolCommand {
  static override summary = 'Return to the previous kernel from the next restart on.'
  static override description = 'The package stays installed; isolctl kernel remove removes it.'
  static override examples = ['<%= config.bin %> kernel rollback']
  static override args = {release: Args.string({description: 'the release to leave, as uname -r prints it'})}

  async run(): Promise<unknown> {
    const {flags, args} = await this.parse(KernelRollback)
    const host = this.machine(flags.root)
    requireRoot('kernel rollback')
    const record = await withTrialMachine(
      host,
      showProgress({quiet: flags.quiet || this.jsonEnabled()}),
      async (here) => rollback(here, await onlyRelease(here, args.release)),
    )
    this.print(`${record.knownGood} boots at the next restart.`, flags)
    return {...record, schema: 'isolctl.kernel-rollback/1'}
  }
}
