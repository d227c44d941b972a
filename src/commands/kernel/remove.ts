// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import {remove} from '../../kernel/install/promote.ts'
import {requireRoot} from '../../plan/session.ts'
import {showProgress} from '../../ui/progress.ts'
import {IsolCommand} from '../base.ts'
import {withTrialMachine} from './machine.ts'

export default class KernelRemove extends IsolCommand {
  static override summary = 'Remove a kernel of isolctl, but not the running one.'
  static override examples = ['<%= config.bin %> kernel remove 6.12.117-isolctl']
  static override args = {
    release: Args.string({description: 'the release, as uname -r prints it', required: true}),
  }

  async run(): Promise<unknown> {
    const {flags, args} = await this.parse(KernelRemove)
    const host = this.machine(flags.root)
    requireRoot('kernel remove')
    await withTrialMachine(host, showProgress({quiet: flags.quiet || this.jsonEnabled()}), (here) =>
      remove(here, args.release),
    )
    this.print(`${args.release} was removed.`, flags)
    return {schema: 'isolctl.kernel-remove/1', release: args.release}
  }
}
