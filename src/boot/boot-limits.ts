// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import type {Cmdline} from './cmdline.ts'

/** The CPUs that a kernel has after its boot arguments that limit them. */
export interface BootLimits {
  /** nr_cpu_ids: the highest possible CPU number plus one. */
  readonly count: number
  readonly present: CpuSet
  /** The number of CPUs that the kernel starts at boot, lowest numbers first. */
  readonly started: number
  /** The arguments that set `count` or `started`, as written. */
  readonly limitedBy: readonly string[]
}

/** Arguments of x86 without which the kernel can start only the boot CPU. */
const ONE_CPU = new Set(['nosmp', 'nolapic', 'disableapic'])

/**
 * nr_cpus= and possible_cpus= limit the CPUs that can exist, maxcpus= and nosmp those that are
 * started (kernel/smp.c; arch/x86/kernel/cpu/topology.c, before 6.9 smpboot.c). The kernel reads
 * them before the isolation arguments, wherever they stand. Pure.
 */
export function bootLimits(
  {args}: Cmdline,
  {count, present}: {readonly count: number; readonly present?: CpuSet},
): BootLimits {
  let [ids, started] = [count, Number.POSITIVE_INFINITY]
  const limitedBy: string[] = []
  for (const {name, value = '', text} of args) {
    const given = kernelInteger(value)
    if ((name === 'nr_cpus' || name === 'possible_cpus') && given !== undefined && given > 0) {
      if (given < ids) limitedBy.push(text)
      ids = Math.min(ids, given)
    }
    // What is no number counts as 0, and a negative one as very many.
    const limit = ONE_CPU.has(name) ? 0 : name === 'maxcpus' && value !== '' ? (given ?? 0) : undefined
    if (limit === undefined) continue
    started = limit < 0 ? Number.POSITIVE_INFINITY : limit
    if (limit >= 0) limitedBy.push(text)
  }
  const possible = CpuSet.from(Array.from({length: ids}, (_, cpu) => cpu))
  return {count: ids, present: present?.intersect(possible) ?? possible, started, limitedBy}
}

/** get_option() (lib/cmdline.c): decimal, octal or hexadecimal; undefined: no number. */
function kernelInteger(text: string): number | undefined {
  const [, sign, digits] = /^(-?)(0x[\da-f]+|\d+)/i.exec(text) ?? []
  if (digits === undefined) return undefined
  const octal = /^0[0-7]+/.exec(digits)
  const value = octal ? Number.parseInt(octal[0], 8) : Number(digits)
  return sign === '-' ? -value : value
}
