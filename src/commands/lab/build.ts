// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {labKernel} from '../../lab/kernel.ts'
import {interruptible} from '../../lib/interrupt.ts'
import {showProgress} from '../../ui/progress.ts'
import {IsolCommand} from '../base.ts'

export default class LabBuild extends IsolCommand {
  static override summary = "Build the lab's kernel if it is not cached, and print its path."
  static override description =
    'Patches, configures and compiles the Linux source in the cache directory. The same source, patches, ' +
    'configuration and compiler are built once. After Ctrl-C, the same command continues where it stopped.'
  static override examples = [
    '<%= config.bin %> lab build',
    '<%= config.bin %> lab build --source linux-6.12.117.tar.xz --sums sha256sums.asc --keyring kernel-org.gpg',
  ]
  static override flags = {
    jobs: Flags.integer({char: 'j', description: 'compile this many files at once', min: 1, max: 8192}),
    source: Flags.file({
      description: 'a Linux source archive, to use instead of the Debian package',
      env: 'ISOLCTL_KERNEL_SOURCE',
    }),
    sums: Flags.file({
      description: 'the sha256sums.asc of kernel.org that must name --source',
      exists: true,
      dependsOn: ['source', 'keyring'],
    }),
    keyring: Flags.file({
      description: 'the public keys of kernel.org, from gpg --export; isolctl has their fingerprints',
      exists: true,
      dependsOn: ['sums'],
    }),
    patches: Flags.directory({
      description: 'a folder like kernel-patches/6.12, to use instead of those of isolctl',
    }),
  }

  async run(): Promise<unknown> {
    const {flags} = await this.parse(LabBuild)
    const {sums, keyring} = flags
    const built = await interruptible((signal) =>
      labKernel({
        signal,
        progress: showProgress({quiet: flags.quiet || this.jsonEnabled()}),
        jobs: flags.jobs,
        source: {
          path: flags.source,
          signed: sums === undefined || keyring === undefined ? undefined : {sums, keyring},
        },
        series: flags.patches,
      }),
    )
    this.print(built.bzImage, flags)
    return built
  }
}
