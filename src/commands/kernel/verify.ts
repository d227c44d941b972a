// SPDX-License-Identifier: MIT
import {gatherer} from '../../facts/fact.ts'
import {kernel} from '../../facts/kernel.ts'
import {verifyRunning} from '../../kernel/install/judge.ts'
import {Exit} from '../../lib/exit.ts'
import {IsolCommand} from '../base.ts'

export default class KernelVerify extends IsolCommand {
  static override summary =
    'Is the kernel that runs one of ours: is the interface there, is the config what we asked for?'
  static override examples = ['<%= config.bin %> kernel verify']

  async run(): Promise<unknown> {
    const {flags} = await this.parse(KernelVerify)
    const host = this.view(flags.root)
    const {release} = await gatherer(host)(kernel)
    const problems = await verifyRunning(host)
    this.log(
      problems.length === 0
        ? `${release} has all of it.`
        : problems.map((problem) => `${release}: ${problem}`).join('\n'),
    )
    process.exitCode = problems.length === 0 ? Exit.ok : Exit.failures
    return {schema: 'isolctl.kernel-verify/1', release, problems}
  }
}
