// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineFact, type Get, mustRead, parsed, readText} from './fact.ts'
import {INTERRUPTS, interrupts} from './interrupts.ts'

const PROC = '/proc/irq'
const SYS = '/sys/kernel/irq'

/** An interrupt with at least one handler. */
export interface Irq {
  readonly irq: number
  /** Names of the handlers, as in the last column of /proc/interrupts: ["nvme0q3"]. Never empty. */
  readonly actions: readonly string[]
  /**
   * Requested affinity, and the text it was parsed from. It includes a move that is still pending
   * (kernel/irq/proc.c: show_irq_affinity).
   */
  readonly affinity: CpuSet
  readonly affinityText: string
  /**
   * Effective affinity; undefined when the kernel does not report it
   * (CONFIG_GENERIC_IRQ_EFFECTIVE_AFF_MASK), or when the interrupt was never started.
   */
  readonly effective?: CpuSet
  /** The interrupt was never started: its effective affinity is there, and has no CPU. */
  readonly unstarted?: true
  /**
   * False for managed and per-CPU interrupts, which user space cannot move. Absent when only a
   * write would show it, as on kernels that give all files the same mode (kernel/irq/proc.c:
   * register_irq_proc).
   */
  readonly movable?: false
}

export const affinityPath = (irq: number): string => `${PROC}/${irq}/smp_affinity_list`
export const effectivePath = (irq: number): string => `${PROC}/${irq}/effective_affinity_list`
export const DEFAULT_AFFINITY = `${PROC}/default_smp_affinity`

/**
 * All interrupts with a handler, in order. An interrupt without one is never delivered, so its
 * affinity has no meaning.
 */
export const irqs = defineFact<readonly Irq[]>('irqs', async (host, get) => {
  const names = await host.list(PROC)
  if (names.length === 0) throw new Error(`${PROC} does not exist`)
  const numbers = names.filter((name) => /^\d+$/.test(name)).map(Number)
  if (numbers.length > 0 && (await host.list(SYS)).length === 0) throw new Error(`${SYS} does not exist`)
  const parse = sharedMasks()
  const all = await Promise.all(numbers.map((irq) => readIrq(host, get, irq, parse)))
  return all.filter((irq) => irq !== undefined)
})

/**
 * The path of the interrupt controller's name: "PCI-MSIX-0000:00:05.0", "IO-APIC"
 * (kernel/irq/irqdesc.c: chip_name_show).
 */
export const chipPath = (irq: number): string => `${SYS}/${irq}/chip_name`

/**
 * The affinity of interrupts that are requested later: a hex mask in the file (kernel/irq/proc.c:
 * default_affinity_show).
 */
export const irqDefault = defineFact<{readonly affinity: CpuSet; readonly text: string}>(
  'irq-default',
  async (host) => {
    const text = (await mustRead(host, DEFAULT_AFFINITY)).trim()
    return {affinity: parsed(DEFAULT_AFFINITY, text, CpuSet.fromMask), text}
  },
)

type Parse = (path: string, text: string) => CpuSet

/** Thousands of interrupts have a few different masks, so each mask is parsed once. */
function sharedMasks(): Parse {
  const known = new Map<string, CpuSet>()
  return (path, text) => {
    const mask = known.get(text) ?? parsed(path, text, CpuSet.printed)
    known.set(text, mask)
    return mask
  }
}

async function readIrq(host: HostView, get: Get, irq: number, parse: Parse): Promise<Irq | undefined> {
  const actions = await actionsOf(host, get, irq)
  if (actions.length === 0) return undefined
  const path = affinityPath(irq)
  const text = (await readText(host, path))?.trim()
  if (text === undefined) {
    if ((await actionsOf(host, get, irq)).length === 0) return undefined // freed meanwhile
    throw new Error(`${path} does not exist`)
  }
  const effective = (await readText(host, effectivePath(irq)))?.trim()
  const mode = await host.mode?.(path)
  return {
    irq,
    actions,
    affinity: parse(path, text),
    affinityText: text,
    ...(effective ? {effective: parse(effectivePath(irq), effective)} : {}),
    ...(effective === '' ? {unstarted: true} : {}),
    ...((mode ?? 0o200) & 0o200 ? {} : {movable: false}),
  }
}

/**
 * /sys/kernel/irq/N/actions: comma-separated, no byte when there is no handler
 * (kernel/irq/irqdesc.c: actions_show). In a captured machine the text may be lost, and the row of
 * /proc/interrupts shows that there is one.
 */
async function actionsOf(host: HostView, get: Get, irq: number): Promise<readonly string[]> {
  const path = `${SYS}/${irq}/actions`
  const text = await host.read(path)
  if (text === undefined && (await host.read(affinityPath(irq))) !== undefined)
    throw new Error(`${path} does not exist`)
  if (text === '' && !host.live) {
    const rows = await get(interrupts).catch(() => [])
    const row = rows.find(({name}) => name === `${irq}`)
    if (row && WITH_HANDLER.test(row.label))
      throw new Error(`${path} is empty, and ${INTERRUPTS} shows a handler: ${row.label}`)
  }
  return (text ?? '').trim().split(',').filter(Boolean)
}

/** "PCI-MSIX-0000:00:05.0 1-edge nvme0q1": the handlers follow the kind of trigger. */
const WITH_HANDLER = /(edge|level|fasteoi)\b\S*\s+\S/i
