// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import {takeCapture} from '../capture/capture.ts'
import {writeCapture} from '../capture/write.ts'
import {DEFAULT_CONFIG, loadConfig} from '../config/load.ts'
import {type CaptureReport, captureReport, renderCapture} from '../report/capture.ts'
import {columns} from '../ui/terminal.ts'
import {IsolCommand} from './base.ts'

export default class Capture extends IsolCommand {
  static override summary = 'Save the files that isolctl reads, to judge this machine elsewhere.'
  static override description =
    'Saves the files that the checks and the plan read, and no others. It measures nothing. Redacted are: the host name, MAC addresses, ' +
    'serial numbers, UUIDs, names of users, the values of boot arguments that have nothing to do with isolation, passwords and ' +
    'comments in the files of boot loaders, what isolctl does not read in the files of other programs, and most of the kernel log. The names of programs and threads, and network ' +
    'addresses, are kept: read the capture before you pass it on.'
  static override examples = [
    '<%= config.bin %> capture rt-07.tgz',
    '<%= config.bin %> capture ./rt-07 && <%= config.bin %> preflight --root ./rt-07',
  ]
  static override args = {
    path: Args.string({
      description: 'a new directory, or a file that ends in .tgz',
      required: true,
      ignoreStdin: true,
    }),
  }

  async run(): Promise<CaptureReport> {
    const {args, flags} = await this.parse(Capture)
    const {version} = this.config
    const host = this.view(flags.root)
    // A file that is no config, such as /etc/shadow, is not passed on because somebody names it so.
    if (flags.config !== DEFAULT_CONFIG) await loadConfig(host, flags.config)
    const capture = await takeCapture(host, {version, also: [flags.config]})
    await writeCapture(args.path, capture)
    const report = captureReport(args.path, capture)
    this.show(renderCapture(report, {width: Math.min(columns(), 120), verbose: flags.verbose}), flags)
    return report
  }
}
