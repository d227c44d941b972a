// SPDX-License-Identifier: MIT

import {UserError} from '../lib/errors.ts'
import {CpuSet} from '../model/cpuset.ts'
import {type CpioFile, cpioArchive} from './cpio.ts'

/** NR_CPUS of kernel-patches/<base>/config/lab.config. */
const MOST_CPUS = 16

export type Accelerator = 'kvm' | 'tcg'

/**
 * How the machine's CPUs run: by KVM, emulated by a thread each, or emulated in turn by one thread.
 */
export type Engine = 'kvm' | 'threads' | 'turns'

/** A machine to boot. */
export interface Machine {
  readonly kernel: string
  readonly initramfs: string
  readonly engine: Engine
  readonly cpus: number
  readonly memoryMb: number
  readonly bootArguments: readonly string[]
  /** Whether the command has a terminal, which is the standard input and output of QEMU. */
  readonly terminal: boolean
}

/** What to run in the machine. */
export interface Job {
  readonly command: readonly [string, ...string[]]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly stdin: 'null' | 'pipe' | 'tty'
}

/**
 * File descriptors of the QEMU process. They are sockets without a name in the file system, so no
 * other user can open them, and nothing has to be removed afterwards.
 */
export const PORT_FD = {control: 3, stdout: 4, stderr: 5, console: 6} as const

/**
 * The CPUs of a machine; the last two are isolated if none are given. Throws UserError for numbers
 * that do not fit.
 */
export function labCpus(cpus = 4, isolated?: CpuSet): {cpus: number; isolated: CpuSet; housekeeping: CpuSet} {
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > MOST_CPUS)
    throw new UserError(`a lab machine has 1 to ${MOST_CPUS} CPUs, not ${cpus}`, {help: 'try: --cpus 4'})
  const all = CpuSet.from(Array.from({length: cpus}, (_, cpu) => cpu))
  const chosen = isolated ?? CpuSet.from([...all].slice(Math.max(1, cpus - 2)))
  if (!chosen.isSubsetOf(all))
    throw new UserError(`the lab machine has CPUs ${all}, so CPUs ${chosen.minus(all)} cannot be isolated`, {
      help: `give it more with --cpus, up to ${MOST_CPUS}`,
    })
  if (chosen.has(0))
    throw new UserError('CPU 0 cannot be isolated', {
      help: 'it boots the machine and is needed for housekeeping: leave it out of --isolated',
    })
  return {cpus, isolated: chosen, housekeeping: all.minus(chosen)}
}

/** The boot arguments that isolctl recommends for a machine with a reliable time-stamp counter. */
export function isolationArguments(isolated: CpuSet, housekeeping: CpuSet): readonly string[] {
  if (isolated.isEmpty) return []
  return [
    `isolcpus=domain,managed_irq,${isolated}`,
    `nohz_full=${isolated}`,
    `rcu_nocbs=${isolated}`,
    `irqaffinity=${housekeeping}`,
    'nowatchdog',
    'tsc=reliable',
  ]
}

/**
 * `panic=-1` with `-no-reboot` ends the QEMU process at a panic, so that a panic is not mistaken
 * for a hang. `no_timer_check`: on a busy host an emulated timer is late, and the kernel would
 * panic (arch/x86/kernel/apic/ io_apic.c: "IO-APIC + timer doesn't work"); under KVM the kernel
 * skips the check by itself.
 */
export function kernelCommandLine(bootArguments: readonly string[]): string {
  return ['console=ttyS0', 'panic=-1', 'no_timer_check', 'rdinit=/init', ...bootArguments].join(' ')
}

export function qemuArguments(machine: Machine): string[] {
  const port = (name: keyof typeof PORT_FD) => [
    ...['-chardev', `socket,id=${name},fd=${PORT_FD[name]}`],
    ...['-device', `virtserialport,chardev=${name},name=isolctl.${name}`],
  ]
  return [
    ...['-M', 'q35', ...engineArguments(machine.engine)],
    ...['-m', `${machine.memoryMb}`, '-smp', `cpus=${machine.cpus},sockets=1`],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    // The guest can read the host's files, and must not be able to write them.
    ...['-fsdev', 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=host,mount_tag=host'],
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...[port('control'), port('stdout'), port('stderr')].flat(),
    ...['-chardev', `socket,id=console,fd=${PORT_FD.console}`, '-serial', 'chardev:console'],
    ...(machine.terminal
      ? ['-chardev', 'stdio,id=terminal,signal=off,mux=on', '-device', 'virtconsole,chardev=terminal']
      : []),
    ...['-kernel', machine.kernel, '-initrd', machine.initramfs],
    ...['-append', kernelCommandLine(machine.bootArguments)],
  ]
}

/**
 * Under KVM, only `-cpu host` has every feature that the guest kernel uses; under TCG, `max` has.
 */
export function engineArguments(engine: Engine): string[] {
  if (engine === 'kvm') return ['-accel', 'kvm', '-cpu', 'host']
  return ['-accel', `tcg,thread=${engine === 'threads' ? 'multi' : 'single'}`, '-cpu', 'max']
}

/**
 * The initramfs: init and its job. Throws UserError for a string with a NUL, which no process can
 * receive.
 */
export function initramfs(init: Uint8Array, {command, cwd, env, stdin}: Job): Buffer {
  const files: readonly CpioFile[] = [
    {path: 'init', mode: 0o755, contents: init},
    {path: 'job/argv', contents: strings(command)},
    {path: 'job/env', contents: strings(Object.entries(env).map(([name, value]) => `${name}=${value}`))},
    {path: 'job/cwd', contents: Buffer.from(cwd)},
    {path: 'job/stdin', contents: Buffer.from(stdin)},
  ]
  return cpioArchive(files)
}

function strings(values: readonly string[]): Buffer {
  const bad = values.find((value) => value.includes('\0'))
  if (bad !== undefined) throw new UserError(`an argument contains a NUL byte: ${JSON.stringify(bad)}`)
  return Buffer.from(values.map((value) => `${value}\0`).join(''))
}
