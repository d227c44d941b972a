// SPDX-License-Identifier: MIT
import {defineFact, mustRead} from './fact.ts'

/** What an interrupt is for, whatever the architecture calls its row. */
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
  /** What stands after the counts: "Local timer interrupts", "PCI-MSIX-0000:00:05.0 1-edge nvme0q1". */
  readonly label: string
  /** CPU number to count, online CPUs only. 32 bits wide, and wraps. */
  readonly counts: ReadonlyMap<number, number>
}

/** /proc/interrupts, at this moment (kernel/irq/proc.c: show_interrupts; arch/x86/kernel/irq.c for the named rows). */
export const interrupts = defineFact<readonly InterruptRow[]>('interrupts', async (host) =>
  parseInterrupts(await mustRead(host, INTERRUPTS)),
)

export const INTERRUPTS = '/proc/interrupts'

/**
 * Columns belong to the CPUs the header names: offline CPUs have none, so a column's place is not its CPU. Rows that do
 * not count per CPU (ERR, MIS) are left out. Throws on a text without the header. Pure.
 */
export function parseInterrupts(text: string): readonly InterruptRow[] {
  const [header = '', ...lines] = text.split('\n')
  const cpus = [...header.matchAll(/\bCPU(\d+)\b/g)].map(([, cpu]) => Number(cpu))
  if (cpus.length === 0) throw new Error(`${INTERRUPTS}: no CPU in the header`)
  return lines.flatMap((line) => {
    const [, name, rest = ''] = /^\s*([^\s:]+):\s*(.*)$/.exec(line) ?? []
    if (name === undefined) return []
    const words = rest.split(/\s+/)
    const counts = words.slice(0, cpus.length)
    if (counts.length < cpus.length || !counts.every((word) => /^\d+$/.test(word))) return []
    const label = words.slice(cpus.length).join(' ')
    return [
      {
        name,
        class: classify(name, label),
        label,
        counts: new Map(cpus.map((cpu, index) => [cpu, Number(counts[index])])),
      },
    ]
  })
}

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

/** Other architectures number their IPIs (arch/arm64/kernel/smp.c: ipi_types), so their text decides. */
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

/** How far a 32-bit counter has moved: it wraps, and never runs backwards. */
export function counterDelta(from: number, to: number): number {
  return (to - from) >>> 0
}
