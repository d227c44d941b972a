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

/** An argument that keeps some CPUs offline. It depends on the machine which ones. */
export interface Withholder {
  readonly text: string
  readonly reason: string
  /** CPUs with lower numbers are never withheld. */
  readonly from: number
}

/** CPU 0 is the first thread of its core, and the boot CPU. */
const FIRST = 1
/** APIC IDs have gaps: a machine with this number of CPUs can have one above 254. */
const MANY = 128

const NO_SMT = 'only one hardware thread of each core stays online'
const NO_SMT_IF_VULNERABLE = `if the CPU is vulnerable, ${NO_SMT}`
const LOW_APIC_IDS = 'a CPU with an APIC ID above 254 is not started'

/**
 * Arguments with values that withhold CPUs. Where one is given more than once, the last one counts.
 * kernel/cpu.c: smt_cmdline_disable, mitigations_parse_cmdline; arch/x86/kernel/cpu/bugs.c;
 * arch/powerpc/kernel/setup_64.c: early_smt_enabled; arch/s390/kernel/smp.c: early_smt;
 * arch/x86/kernel/acpi/boot.c: parse_acpi; arch/x86/kernel/apic/apic.c: try_to_enable_x2apic. What
 * only routes interrupts or timers differently (noapic, nolapic_timer) is not listed.
 */
const WITHHOLDERS: Readonly<Record<string, readonly [values: RegExp, reason: string]>> = {
  nosmt: [/^/, NO_SMT],
  smt_enabled: [/^off$/, NO_SMT],
  smt: [/^1$/, NO_SMT],
  mitigations: [/^auto,nosmt(?:;|$)/, NO_SMT_IF_VULNERABLE],
  l1tf: [/^(?:flush,nosmt|full|full,force)$/, NO_SMT_IF_VULNERABLE],
  mds: [/^full,nosmt$/, NO_SMT_IF_VULNERABLE],
  tsx_async_abort: [/^full,nosmt$/, NO_SMT_IF_VULNERABLE],
  mmio_stale_data: [/^full,nosmt$/, NO_SMT_IF_VULNERABLE],
  retbleed: [/^(?:.*,)?nosmt$/, NO_SMT_IF_VULNERABLE],
  acpi: [/^off$/, 'without the tables of ACPI, the kernel may find no CPU but the boot CPU'],
  disable_cpu_apicid: [/^\d/, 'the CPU with this APIC ID is not started'],
  nox2apic: [/^/, LOW_APIC_IDS],
  nointremap: [/^/, LOW_APIC_IDS],
  intremap: [/^off$/, LOW_APIC_IDS],
}

/** Arguments that may withhold a CPU that is to be isolated. Pure. */
export function withholders({args}: Cmdline): readonly Withholder[] {
  return Object.entries(WITHHOLDERS).flatMap(([name, [values, reason]]) => {
    // The other values of acpi= leave off and force as they are (parse_acpi).
    const given = args.findLast(
      (arg) => arg.name === name && (name !== 'acpi' || /^(?:off|force)$/.test(arg.value ?? '')),
    )
    const from = reason === LOW_APIC_IDS ? MANY : FIRST
    return given !== undefined && values.test(given.value ?? '') ? [{text: given.text, reason, from}] : []
  })
}
