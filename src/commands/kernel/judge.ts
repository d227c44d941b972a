// SPDX-License-Identifier: MIT
import {condemn, onTrial, promote} from '../../kernel/install/install.ts'
import {judge} from '../../kernel/install/judge.ts'
import {readRecord} from '../../kernel/install/record.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {silent} from '../../lib/progress.ts'
import {requireRoot} from '../../plan/session.ts'
import {IsolCommand} from '../base.ts'
import {alone, ourselves} from './trial-machine.ts'

/** isolctl-trial.service starts it; without the lock while it judges, because preflight is a program of its own. */
export default class KernelJudge extends IsolCommand {
  static override hidden = true
  static override summary = 'Judge the trial that this boot is: promote the kernel, or go back.'

  async run(): Promise<unknown> {
    const {flags} = await this.parse(KernelJudge)
    const host = this.machine(flags.root)
    requireRoot('kernel judge')
    const release = await onTrial(host)
    const record = release === undefined ? undefined : await readRecord(host, release)
    if (release === undefined || record === undefined)
      throw new UserError('this boot is no trial of a kernel', {exit: Exit.unsuitable})
    const why = await judge(host, record.gate, ourselves())
    if (why === undefined)
      return await alone(host, silent, (here) => promote(here, release, `its trial passed (${record.gate})`))
    await alone(host, silent, (here) => condemn(here, release, `its trial failed: ${why}`))
    this.logToStderr(`isolctl: the trial of ${release} failed: ${why}`)
    await host.run(['systemctl', '--no-block', 'reboot'])
    process.exitCode = Exit.failures
    return {schema: 'isolctl.kernel-judge/1', release, why}
  }
}
