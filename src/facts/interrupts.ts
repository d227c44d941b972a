// SPDX-License-Identifier: MIT
import type {CpuSet} from '../model/cpuset.ts'
import {defineFact, mustRead} from './fact.ts'

/** The purpose of an interrupt, independent of the architecture's name for its row. */
export type InterruptClass =
  | 'timer'
  | 'resched'
  | 'call'
  | 'irq-work'
  | 'tlb'
  | 'nmi'
  | 'perf'
  | 'machine-check'
  | 'device'
  | 'other'

export interface InterruptRow {
  /** First column without the colon: "24", "LOC", "IPI0". */
  readonly name: string
  readonly class: InterruptClass
  /**
   * The text after the counts: "Local timer interrupts", "PCI-MSIX-0000:00:05.0 1-edge nvme0q1".
   */
  readonly label: string
  /** CPU number to count, online CPUs only. The counters have 32 bits and wrap. */
  readonly counts: ReadonlyMap<number, number>
}

/**
 * /proc/interrupts at one moment (kernel/irq/proc.c: show_interrupts; arch/x86/kernel/irq.c for the
 * named rows).
 */
export const interrupts = defineFact<readonly InterruptRow[]>('interrupts', async (host) =>
  parseInterrupts(await mustRead(host, INTERRUPTS)),
)

export const INTERRUPTS = '/proc/interrupts'

/**
 * Parse /proc/interrupts. The header says which CPU a column belongs to, because offline CPUs have
 * no column. Rows without counts per CPU (ERR, MIS) are skipped, and so are the columns of CPUs
 * outside `only`: the table of a large machine has millions of numbers. Throws Error for a text
 * without the header. Pure.
 */
export function parseInterrupts(text: string, only?: CpuSet): readonly InterruptRow[] {
  const cpus = [...firstLine(text).matchAll(/\bCPU(\d+)\b/g)].map(([, cpu]) => Number(cpu))
  if (cpus.length === 0) throw new Error(`${INTERRUPTS}: no CPU in the header`)
  const rows: InterruptRow[] = []
  for (let at = text.indexOf('\n') + 1; at > 0 && at < text.length; ) {
    const newline = text.indexOf('\n', at)
    const end = newline === -1 ? text.length : newline
    const row = parseRow(text, {at, end, cpus, only})
    if (row) rows.push(row)
    at = end + 1
  }
  return rows
}

function parseRow(
  text: string,
  {at, end, cpus, only}: {at: number; end: number; cpus: readonly number[]; only: CpuSet | undefined},
): InterruptRow | undefined {
  const colon = text.indexOf(':', at)
  if (colon === -1 || colon >= end) return undefined
  const name = text.slice(at, colon).trim()
  if (name === '' || /\s/.test(name)) return undefined
  const counts = new Map<number, number>()
  let here = colon + 1
  for (const cpu of cpus) {
    while (here < end && isBlank(text.charCodeAt(here))) here++
    const start = here
    let count = 0
    for (; here < end; here++) {
      const digit = text.charCodeAt(here) - ZERO
      if (digit < 0 || digit > 9) break
      count = count * 10 + digit
    }
    if (here === start || (here < end && !isBlank(text.charCodeAt(here)))) return undefined
    if (only?.has(cpu) ?? true) counts.set(cpu, count)
  }
  const label = text.slice(here, end).trim().replaceAll(/\s+/g, ' ')
  return {name, class: classify(name, label), label, counts}
}

const ZERO = 48
const isBlank = (code: number) => code === 32 || code === 9 || code === 13
const firstLine = (text: string) => text.slice(0, Math.max(0, text.indexOf('\n')) || text.length)

const X86: Readonly<Record<string, InterruptClass>> = {
  LOC: 'timer',
  HVS: 'timer', // Hyper-V's synthetic timer
  RES: 'resched',
  CAL: 'call',
  TLB: 'tlb',
  IWI: 'irq-work',
  NMI: 'nmi',
  PMI: 'perf',
  MCE: 'machine-check',
  MCP: 'machine-check',
  THR: 'machine-check',
  DFR: 'machine-check',
}

/**
 * Other architectures number their IPIs (arch/arm64/kernel/smp.c: ipi_types), so the label decides.
 */
const BY_LABEL: readonly (readonly [RegExp, InterruptClass])[] = [
  [/^Rescheduling interrupts/i, 'resched'],
  [/^Function call interrupts/i, 'call'],
  [/^IRQ work interrupts/i, 'irq-work'],
  [/^Timer broadcast interrupts/i, 'timer'],
  [/\b(arch_timer|riscv-timer)\b/, 'timer'],
  [/\b(arm-pmu|pmu)\b/i, 'perf'],
]

function classify(name: string, label: string): InterruptClass {
  const known = X86[name] ?? BY_LABEL.find(([pattern]) => pattern.test(label))?.[1]
  return known ?? (/^\d+$/.test(name) ? 'device' : 'other')
}

/** The increase of a 32-bit counter that may have wrapped. Pure. */
export function counterDelta(from: number, to: number): number {
  return (to - from) >>> 0
}
