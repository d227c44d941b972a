// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import {gatherer} from '../../facts/fact.ts'
import {kernel} from '../../facts/kernel.ts'
import {installable} from '../../kernel/install/installable.ts'
import {verifyRunning} from '../../kernel/install/verify.ts'
import {Exit} from '../../lib/exit.ts'
import {IsolCommand} from '../base.ts'

export default class KernelVerify extends IsolCommand {
  static override summary = 'Check that the running kernel is one that isolctl built.'
  static override description =
    'Compares the build id and the configuration with the manifest of the build that was installed, or that you name. The ' +
    'configuration must have what the series of that build needs; without a manifest, what the series for the running version needs.'
  static override examples = [
    '<%= config.bin %> kernel verify',
    '<%= config.bin %> kernel verify ./packages/manifest.json',
  ]
  static override args = {
    build: Args.string({description: 'a build of isolctl kernel build: its directory or manifest.json'}),
  }

  async run(): Promise<unknown> {
    const {flags, args} = await this.parse(KernelVerify)
    const host = this.view(flags.root)
    const {release} = await gatherer(host)(kernel)
    const build = args.build === undefined ? undefined : (await installable(args.build)).build
    const problems = await verifyRunning(host, {build})
    if (problems.length === 0) this.print(`${release} has everything.`, flags)
    for (const problem of problems) this.print(`${release}: ${problem}`, {})
    process.exitCode = problems.length === 0 ? Exit.ok : Exit.failures
    return {schema: 'isolctl.kernel-verify/1', release, problems}
  }
}
