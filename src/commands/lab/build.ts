// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {labKernel} from '../../lab/kernel.ts'
import {interruptible} from '../../lib/interrupt.ts'
import {showProgress} from '../../ui/progress.ts'
import {IsolCommand} from '../base.ts'

export default class LabBuild extends IsolCommand {
  static override summary = "Build the lab's kernel, if it is not there yet, and print where it is."
  static override description =
    'Patches and configures the Linux source and compiles it, below the cache directory. The same source, patches, ' +
    'configuration and compiler are built once; a build that was stopped goes on where it was.'
  static override examples = [
    '<%= config.bin %> lab build',
    '<%= config.bin %> lab build --source linux-6.12.117.tar.xz --sums sha256sums.asc --keyring kernel-org.gpg',
  ]
  static override flags = {
    jobs: Flags.integer({char: 'j', description: 'compile this many files at once', min: 1}),
    source: Flags.file({
      description: 'a Linux source archive instead of the Debian package',
      env: 'ISOLCTL_KERNEL_SOURCE',
    }),
    sums: Flags.file({
      description: 'the sha256sums.asc of kernel.org that has to vouch for --source',
      exists: true,
      dependsOn: ['source', 'keyring'],
    }),
    keyring: Flags.file({
      description:
        'the public keys of kernel.org, as gpg --export writes them; isolctl knows their fingerprints',
      exists: true,
      dependsOn: ['sums'],
    }),
    patches: Flags.directory({description: 'a folder like kernel-patches/6.12 instead of that one'}),
  }

  async run(): Promise<unknown> {
    const {flags} = await this.parse(LabBuild)
    const {bzImage, ...facts} = await interruptible((signal) =>
      labKernel({
        signal,
        progress: showProgress({quiet: flags.quiet || this.jsonEnabled()}),
        archive: flags.source,
        ...(flags.sums === undefined || flags.keyring === undefined
          ? {}
          : {signed: {sums: flags.sums, keyring: flags.keyring}}),
        ...(flags.jobs === undefined ? {} : {jobs: flags.jobs}),
        ...(flags.patches === undefined ? {} : {folder: flags.patches}),
      }),
    )
    this.log(bzImage)
    return {...facts, bzImage}
  }
}
