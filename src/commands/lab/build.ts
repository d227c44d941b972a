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
  static override examples = ['<%= config.bin %> lab build']
  static override flags = {
    jobs: Flags.integer({char: 'j', description: 'compile this many files at once', min: 1}),
    source: Flags.file({
      description: 'a Linux source archive instead of the Debian package',
      env: 'ISOLCTL_KERNEL_SOURCE',
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
        ...(flags.jobs === undefined ? {} : {jobs: flags.jobs}),
        ...(flags.patches === undefined ? {} : {folder: flags.patches}),
      }),
    )
    this.log(bzImage)
    return {...facts, bzImage}
  }
}
