// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {labKernel} from '../../lab/kernel.ts'
import type {Accelerator} from '../../lab/machine.ts'
import type {LabOptions} from '../../lab/run.ts'
import type {CpuSet} from '../../model/cpuset.ts'
import {showProgress} from '../../ui/progress.ts'
import {cpulist, duration} from '../base.ts'

/** The machine, as `lab run` and `lab shell` take it. */
export const machineFlags = {
  cpus: Flags.integer({description: 'CPUs of the machine', default: 4}),
  isolated: cpulist({description: 'CPUs to isolate: the last two if not given, "" for none'}),
  memory: Flags.integer({description: 'memory in MB', default: 2048}),
  kernel: Flags.file({description: 'bzImage to boot instead of the one isolctl builds'}),
  accel: Flags.option({
    description: 'auto uses KVM where a guest really starts under it',
    options: ['auto', 'kvm', 'tcg'] as const,
    default: 'auto' as const,
  })(),
  'boot-arg': Flags.string({
    description: 'add to the kernel command line; may be repeated',
    multiple: true,
    multipleNonGreedy: true,
  }),
  timeout: duration({description: 'stop the command after this time (10m)'}),
}

interface MachineFlags {
  readonly cpus: number
  readonly isolated?: CpuSet | undefined
  readonly memory: number
  readonly accel: 'auto' | Accelerator
  readonly 'boot-arg'?: string[] | undefined
  readonly timeout?: number | undefined
}

export function machineOptions(flags: MachineFlags): Omit<LabOptions, 'kernel'> {
  return {
    cpus: flags.cpus,
    ...(flags.isolated === undefined ? {} : {isolated: flags.isolated}),
    memoryMb: flags.memory,
    accel: flags.accel,
    append: flags['boot-arg'] ?? [],
    ...(flags.timeout === undefined ? {} : {timeoutMs: flags.timeout}),
  }
}

/** Said once per command, on stderr. */
export const VIRTUAL_NOTE = {
  kvm: 'note: a virtual machine: counts are evidence, durations are not, and exits to the host are invisible\n',
  tcg: 'note: an emulated machine (TCG): counts are evidence, durations are not\n',
} as const

/** The kernel that was named, or ours: building it shows its progress on stderr. */
export async function chosenKernel(
  {kernel}: {kernel?: string | undefined},
  {quiet, signal}: {quiet: boolean; signal: AbortSignal},
): Promise<string> {
  if (kernel !== undefined) return kernel
  return (await labKernel({progress: showProgress({quiet}), signal})).bzImage
}
