// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {labKernel} from '../../lab/kernel.ts'
import type {Accelerator, Engine} from '../../lab/machine.ts'
import type {LabOptions} from '../../lab/run.ts'
import type {CpuSet} from '../../model/cpuset.ts'
import {showProgress} from '../../ui/progress.ts'
import {cpulist, duration} from '../base.ts'

/** The flags that describe the machine, for every command that boots one. */
export const machineFlags = {
  cpus: Flags.integer({description: 'number of CPUs of the machine', default: 4, min: 1, max: 512}),
  isolated: cpulist({description: 'CPUs to isolate; default: the last two; "" isolates none'}),
  memory: Flags.integer({description: 'memory in MB', default: 2048, min: 64, max: 4_194_304}),
  kernel: Flags.file({description: 'boot this bzImage; default: the one that isolctl builds'}),
  accel: Flags.option({
    description: 'auto uses KVM if a guest starts under it, and TCG otherwise',
    options: ['auto', 'kvm', 'tcg'] as const,
    default: 'auto' as const,
  })(),
  'boot-arg': Flags.string({
    description: 'add this boot argument; may be repeated',
    multiple: true,
    multipleNonGreedy: true,
  }),
  timeout: duration({description: 'stop the command after this time; default: 10m'}),
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

/** Printed on stderr, once per command. */
export const VIRTUAL_NOTE: Readonly<Record<Engine, string>> = {
  kvm: 'note: this is a virtual machine: counts are evidence, durations are not, and exits to the host are invisible\n',
  threads: 'note: this is an emulated machine (TCG): counts are evidence, durations are not\n',
  turns:
    'note: this is an emulated machine (TCG): counts are evidence, durations are not\n' +
    'note: this QEMU runs its CPUs in turn: 8.1 or newer is faster\n',
}

/**
 * The path of the bzImage to boot: the given one, or that of isolctl, which is built first with
 * progress on stderr.
 */
export async function chosenKernel(
  {kernel}: {kernel?: string | undefined},
  {quiet, signal}: {quiet: boolean; signal: AbortSignal},
): Promise<string> {
  if (kernel !== undefined) return kernel
  return (await labKernel({progress: showProgress({quiet}), signal})).bzImage
}
