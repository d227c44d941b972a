// SPDX-License-Identifier: MIT
import {Args, Flags} from '@oclif/core'
import type {Host, Live} from '../../host/host.ts'
import {chosen, copied} from '../../kernel/install/chosen.ts'
import {install, planInstall} from '../../kernel/install/install.ts'
import {installable} from '../../kernel/install/installable.ts'
import {GATES, type Gate} from '../../kernel/install/record.ts'
import {withPrivateFolder} from '../../lib/files.ts'
import {interruptible} from '../../lib/interrupt.ts'
import type {Progress} from '../../lib/progress.ts'
import {requireRootsProgram} from '../../lib/trust.ts'
import {requireRoot} from '../../plan/session.ts'
import {showProgress} from '../../ui/progress.ts'
import {duration, IsolCommand} from '../base.ts'
import {isolctlCommand, trialMachine, withTrialMachine} from './machine.ts'

interface InstallFlags {
  readonly quiet: boolean
  readonly 'dry-run': boolean
  readonly gate: Gate
  readonly 'confirm-within': number
}

interface InstallRequest {
  /** For the copy of the package. */
  readonly folder: string
  readonly package: string | undefined
  readonly flags: InstallFlags
  readonly signal: AbortSignal
}

export default class KernelInstall extends IsolCommand {
  static override summary = 'Install a kernel package for one trial boot.'
  static override description =
    `The running kernel stays the default. The next restart boots the new kernel once. If its trial passes, it becomes the
default. If it panics, hangs in user space, or fails the trial, one more restart boots the old kernel. A kernel that hangs
before systemd runs needs a hardware watchdog that the firmware started. After an interruption, repeat the command.
Without an argument, the command installs the newest kernel that isolctl kernel build made for this user.`
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
        'a linux-image package (.deb), or the directory or manifest.json of a build of isolctl kernel build',
    }),
  }
  static override flags = {
    'dry-run': Flags.boolean({char: 'n', description: 'only print what would be done', default: false}),
    gate: Flags.option({
      options: GATES,
      description:
        'what a trial must show: that it boots, that it is the kernel that was built, or that preflight passes',
      default: 'preflight',
    })(),
    'confirm-within': duration({
      description: 'return to the old kernel if the trial is not judged within this time',
      default: 600_000,
    }),
  }

  async run(): Promise<unknown> {
    const {flags, args} = await this.parse(KernelInstall)
    const host = this.machine(flags.root)
    requireRoot('kernel install')
    await requireRootsProgram('the trial')
    const progress = showProgress({quiet: flags.quiet || this.jsonEnabled()})
    return await interruptible(
      (signal) =>
        withPrivateFolder((folder) => this.install(host, progress, {folder, ...args, flags, signal})),
      {outliveHangUp: true},
    )
  }

  private async install(
    host: Host & {readonly live: Live},
    progress: Progress,
    {folder, package: named, flags, signal}: InstallRequest,
  ): Promise<unknown> {
    const options = {
      // What is inspected is what dpkg runs: nobody can change the copy in between.
      ...(await installable(await copied(await chosen(named), folder, signal))),
      gate: flags.gate,
      confirmWithinMs: flags['confirm-within'],
      isolctl: isolctlCommand(),
    }
    if (flags['dry-run']) {
      const here = await trialMachine(host, progress)
      const {release} = await planInstall(here, options)
      this.print(
        `would keep ${here.running} the default of ${here.control.name}, install ${release}, and boot it once`,
        flags,
      )
      return {schema: 'isolctl.kernel-install/1', dryRun: true, release, knownGood: here.running}
    }
    const record = await withTrialMachine(host, progress, async (here) =>
      install(here, options, await planInstall(here, options)),
    )
    this.print(
      `${record.release} is installed and boots once, at the next restart.\nUnless its trial passes (${record.gate}), the machine returns to ${record.knownGood} by itself.`,
      flags,
    )
    return {dryRun: false, ...record, schema: 'isolctl.kernel-install/1'}
  }
}
