// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {Flags} from '@oclif/core'
import {labCpus} from '../../lab/machine.ts'
import {runInLab} from '../../lab/run.ts'
import {packageRoot} from '../../lib/assets.ts'
import {interruptible} from '../../lib/interrupt.ts'
import {CpuSet} from '../../model/cpuset.ts'
import {colour} from '../../report/colour.ts'
import {cpulist, IsolCommand} from '../base.ts'
import {chosenKernel, machineFlags, machineOptions, VIRTUAL_NOTE} from './flags.ts'
import {streamed, summary} from './output.ts'

/**
 * The recommended arguments without irqaffinity=. Interrupts are then on the same CPUs as on most
 * machines, and `apply` moves them.
 */
const bootArguments = (isolated: CpuSet): readonly string[] => [
  `isolcpus=domain,managed_irq,${isolated}`,
  `nohz_full=${isolated}`,
  `rcu_nocbs=${isolated}`,
  'nowatchdog',
  'tsc=reliable',
]

export default class LabDemo extends IsolCommand {
  static override summary = 'Show isolctl from boot to undo in a QEMU machine.'
  static override description =
    'Builds the patched kernel if there is none, boots it with isolated CPUs, and runs topology, preflight, plan, ' +
    'apply, launch and undo there. Every claim is measured. The exit status is 1 when a claim does not hold.'
  static override examples = [
    '<%= config.bin %> lab demo',
    '<%= config.bin %> lab demo --cpus 6 --isolated 2-5',
  ]
  static override flags = {
    ...machineFlags,
    // One CPU is busy, and two are left for the rest. On a host with two cores, more CPUs make the
    // demo slower.
    cpus: Flags.integer({description: 'number of CPUs of the machine', default: 3, min: 1, max: 512}),
    isolated: cpulist({description: 'CPUs to isolate; default: the last one'}),
  }

  async run(): Promise<unknown> {
    const {flags} = await this.parse(LabDemo)
    const {isolated} = labCpus(flags.cpus, flags.isolated ?? CpuSet.of(flags.cpus - 1))
    const json = this.jsonEnabled()
    const run = (sinks: object) =>
      interruptible(async (signal) =>
        runInLab([process.execPath, join(packageRoot, 'bin/run.js'), 'lab', 'story'], {
          ...machineOptions({...flags, isolated}),
          kernel: await chosenKernel(flags, {quiet: flags.quiet || json, signal}),
          bootArguments: bootArguments(isolated),
          cwd: packageRoot,
          env: colour.level > 0 ? {FORCE_COLOR: '1'} : {},
          signal,
          ...sinks,
          onEngine: (engine) => {
            if (!flags.quiet) process.stderr.write(VIRTUAL_NOTE[engine])
          },
        }),
      )
    const result = await (json ? run({}) : streamed(run))
    if (result === undefined) return undefined
    process.exitCode = result.exitCode
    return summary(result)
  }
}
