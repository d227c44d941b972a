// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import {remove} from '../../kernel/install/install.ts'
import {requireRoot} from '../../plan/session.ts'
import {showProgress} from '../../ui/progress.ts'
import {IsolCommand} from '../base.ts'
import {alone} from './trial-machine.ts'

export default class KernelRemove extends IsolCommand {
  static override summary = 'Take away a kernel that isolctl installed; never the one that runs.'
  static override examples = ['<%= config.bin %> kernel remove 6.12.117-isolctl']
  static override args = {release: Args.string({description: 'what uname -r says', required: true})}

  async run(): Promise<unknown> {
    const {flags, args} = await this.parse(KernelRemove)
    const host = this.machine(flags.root)
    requireRoot('kernel remove')
    await alone(host, showProgress({quiet: flags.quiet || this.jsonEnabled()}), (here) =>
      remove(here, args.release),
    )
    this.log(`${args.release} is gone.`)
    return {schema: 'isolctl.kernel-remove/1', release: args.release}
  }
}
