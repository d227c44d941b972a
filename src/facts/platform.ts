// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, mustRead, parsed, readText, word} from './fact.ts'

/** The clock source in use: "tsc", "hpet", "kvm-clock" (kernel/time/clocksource.c). */
export const clocksource = defineFact<string>('clocksource', readClocksource)

/**
 * The clock source at this moment: the kernel switches to another one when it finds the TSC
 * unstable.
 */
export async function readClocksource(host: HostView): Promise<string> {
  return parsed(CLOCKSOURCE, await mustRead(host, CLOCKSOURCE), word)
}

const CLOCKSOURCE = '/sys/devices/system/clocksource/clocksource0/current_clocksource'

/** `uname -m`: "x86_64". Kernels before 6.1 do not have the file. */
export const machine = defineFact<string>('machine', async (host) =>
  parsed('/proc/sys/kernel/arch', await mustRead(host, '/proc/sys/kernel/arch'), word),
)

/** Feature flags of the first CPU on x86. Throws Error on other architectures. */
export const cpuFlags = defineFact<ReadonlySet<string>>('cpu-flags', async (host) => {
  const flags = /^flags\s*:\s*(.*)$/m.exec(await mustRead(host, '/proc/cpuinfo'))?.[1]
  if (flags === undefined) throw new Error('/proc/cpuinfo has no flags: this is not an x86 machine')
  return new Set(flags.trim().split(/\s+/))
})

const TASK_ISOLATION = '/sys/devices/system/cpu/task_isolation'

/** CPUs that may enter task isolation; undefined when the kernel does not have it. */
export const taskIsolation = defineFact<CpuSet | undefined>('task-isolation', async (host) => {
  const text = await readText(host, TASK_ISOLATION)
  if (text !== undefined)
    return parsed(TASK_ISOLATION, text, (list) => CpuSet.printed(list.replace('(null)', '')))
  // A capture may lack the file; the file beside it shows whether the directory was captured.
  if (!tellsAbsence(host) && (await host.read('/sys/devices/system/cpu/isolated')) === undefined)
    throw new Error(`${TASK_ISOLATION} was not captured`)
  return undefined
})
