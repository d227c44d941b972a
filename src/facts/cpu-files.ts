// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {parsed, readText} from './fact.ts'

/**
 * The CPUs of a cpulist file of sysfs; undefined where there is no such file. An empty line is the empty set, and so is
 * "(null)": what kernels with CPUMASK_OFFSTACK print for an unset nohz_full (drivers/base/cpu.c). From 5.16 on, files of
 * nodes and of the topology end in the NUL of the string (lib/bitmap-str.c: bitmap_print_to_buf). Rejects with the path
 * where the text is no cpulist, or where the file has no byte: the kernel ends an empty list with a newline.
 */
export const readCpulist = (host: HostView, path: string): Promise<CpuSet | undefined> =>
  readCpus(host, path, (text) => CpuSet.printed(text.replace('(null)', '')))

/** The same for a hexadecimal cpumask. */
export const readCpumask = (host: HostView, path: string): Promise<CpuSet | undefined> =>
  readCpus(host, path, CpuSet.fromMask)

async function readCpus(
  host: HostView,
  path: string,
  parse: (text: string) => CpuSet,
): Promise<CpuSet | undefined> {
  const text = await readText(host, path)
  return text === undefined ? undefined : parsed(path, text.replaceAll('\0', '').trim(), parse)
}
