// SPDX-License-Identifier: MIT
import {listKernels} from '../../kernel/install/list.ts'
import {silent} from '../../lib/progress.ts'
import {table} from '../../lib/text.ts'
import {page} from '../../report/colour.ts'
import type {KernelList as Listed} from '../../schema/kernel-list.ts'
import {IsolCommand} from '../base.ts'
import {trialMachine} from './machine.ts'

export default class KernelList extends IsolCommand {
  static override summary = 'List the kernels, their patches and the results of trials.'
  static override examples = ['<%= config.bin %> kernel list', '<%= config.bin %> kernel list --json']

  async run(): Promise<Listed> {
    const {flags} = await this.parse(KernelList)
    const kernels = [...(await listKernels(await trialMachine(this.machine(flags.root), silent)))]
    const rows = kernels.map(({release, running, default: chosen, series, fate}) => [
      release,
      running ? 'running' : '',
      chosen ? 'default' : '',
      series === undefined ? '' : `series ${series.base} (${series.sha256.slice(0, 8)})`,
      fate?.text ?? '',
    ])
    // One line each, also where a name has a newline in it.
    this.show(page(table(rows)), flags)
    return {schema: 'isolctl.kernel-list/1', kernels}
  }
}
