// SPDX-License-Identifier: MIT
import {judge} from '../../kernel/install/judge.ts'
import {condemn, promote} from '../../kernel/install/promote.ts'
import {readRecord} from '../../kernel/install/record.ts'
import {onTrial} from '../../kernel/install/trial-machine.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {silent} from '../../lib/progress.ts'
import {requireRoot} from '../../plan/session.ts'
import {IsolCommand} from '../base.ts'
import {isolctlCommand, withTrialMachine} from './machine.ts'

/**
 * Started by isolctl-trial.service. It judges without the lock, because preflight is another
 * process.
 */
export default class KernelJudge extends IsolCommand {
  static override hidden = true
  static override summary = 'Promote the kernel on trial, or restart into the old one.'

  async run(): Promise<unknown> {
    const {flags} = await this.parse(KernelJudge)
    const host = this.machine(flags.root)
    requireRoot('kernel judge')
    const release = await onTrial(host)
    const record = release === undefined ? undefined : await readRecord(host, release)
    if (release === undefined || record === undefined)
      throw new UserError('this boot is not the trial of a kernel', {exit: Exit.unsuitable})
    const why = await judge(host, record.gate, isolctlCommand())
    if (why === undefined)
      return await withTrialMachine(host, silent, (here) =>
        promote(here, release, `its trial passed (${record.gate})`),
      )
    await withTrialMachine(host, silent, (here) => condemn(here, release, `its trial failed: ${why}`))
    this.logToStderr(`isolctl: the trial of ${release} failed: ${why}`)
    await host.run(['systemctl', '--no-block', 'reboot'])
    process.exitCode = Exit.failures
    return {schema: 'isolctl.kernel-judge/1', release, why}
  }
}
