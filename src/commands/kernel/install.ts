// SPDX-License-Identifier: MIT
import {Args, Flags} from '@oclif/core'
import {install, planInstall} from '../../kernel/install/install.ts'
import {installable} from '../../kernel/install/installable.ts'
import {GATES} from '../../kernel/install/record.ts'
import {requireRoot} from '../../plan/session.ts'
import {showProgress} from '../../ui/progress.ts'
import {duration, IsolCommand} from '../base.ts'
import {alone, ground, ourselves} from './trial-machine.ts'

export default class KernelInstall extends IsolCommand {
  static override summary = 'Install a kernel package for one trial boot, with a way back that needs nobody.'
  static override description =
    `The kernel that runs stays the default. The next restart boots the new one once; if it proves itself there, it becomes
the default, and if it panics, hangs in user space, or fails, the machine is back on the kernel before after one more restart.
A kernel that hangs before systemd runs needs a hardware watchdog that the firmware started. Repeat it after an interruption.
Without an argument it is the newest kernel that isolctl kernel build made here.`
  static override examples = [
    '<%= config.bin %> kernel install',
    '<%= config.bin %> kernel install ./packages',
    '<%= config.bin %> kernel install linux-image-6.12.117-isolctl.deb',
    '<%= config.bin %> kernel install linux-image-6.12.117-isolctl.deb --dry-run',
    '<%= config.bin %> kernel install linux-image-6.1.0-50-amd64.deb --gate boot',
  ]
  static override args = {
    package: Args.string({
      description:
        'a linux-image package (.deb), or what isolctl kernel build made: its directory or manifest.json',
    }),
  }
  static override flags = {
    'dry-run': Flags.boolean({char: 'n', description: 'only say what would be done', default: false}),
    gate: Flags.option({
      options: GATES,
      description: 'what a trial has to show: that it boots, that it is our kernel, or that preflight passes',
      default: 'preflight',
    })(),
    'confirm-within': duration({description: 'go back if a trial is not judged by then', default: 600_000}),
  }

  async run(): Promise<unknown> {
    const {flags, args} = await this.parse(KernelInstall)
    const host = this.machine(flags.root)
    requireRoot('kernel install')
    const progress = showProgress({quiet: flags.quiet || this.jsonEnabled()})
    const options = {
      ...(await installable(args.package)),
      gate: flags.gate,
      confirmWithinMs: flags['confirm-within'],
      isolctl: ourselves(),
    }
    if (flags['dry-run']) {
      const here = await ground(host, progress)
      const {release} = await planInstall(here, options)
      this.log(
        `would keep ${here.running} the default of ${here.control.name}, install ${release}, and boot it once`,
      )
      return {schema: 'isolctl.kernel-install/1', dryRun: true, release, knownGood: here.running}
    }
    const record = await alone(host, progress, async (here) =>
      install(here, options, await planInstall(here, options)),
    )
    this.log(`${record.release} is installed and boots once, at the next restart.`)
    this.log(
      `Unless it proves itself there (${record.gate}), the machine returns to ${record.knownGood} by itself.`,
    )
    return {dryRun: false, ...record, schema: 'isolctl.kernel-install/1'}
  }
}
