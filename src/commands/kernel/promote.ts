// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import {onlyRelease, promote} from '../../kernel/install/install.ts'
import {requireRoot} from '../../plan/session.ts'
import {showProgress} from '../../ui/progress.ts'
import {IsolCommand} from '../base.ts'
import {alone} from './trial-machine.ts'

export default class KernelPromote extends IsolCommand {
  static override summary = 'Make the kernel that runs the default, whatever its trial would say.'
  static override examples = ['<%= config.bin %> kernel promote']
  static override args = {release: Args.string({description: 'what uname -r says'})}

  async run(): Promise<unknown> {
    const {flags, args} = await this.parse(KernelPromote)
    const host = this.machine(flags.root)
    requireRoot('kernel promote')
    const record = await alone(host, showProgress({quiet: flags.quiet || this.jsonEnabled()}), async (here) =>
      promote(here, await onlyRelease(here, args.release), 'promoted by hand'),
    )
    this.log(`${record.release} is the default.`)
    return {...record, schema: 'isolctl.kernel-promote/1'}
  }
}
