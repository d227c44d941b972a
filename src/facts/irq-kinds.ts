// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'
import {chipPath, type Irq, irqs} from './irqs.ts'
import {refused} from './journal.ts'
import {settings} from './settings.ts'

/** An interrupt that may come, or does come, to an isolated CPU. */
export interface TouchingIrq extends Irq {
  /** "PCI-MSIX-0000:00:05.0", "IO-APIC" */
  readonly chip?: string
  /** Placed by the kernel, one per CPU or queue (IRQD_AFFINITY_MANAGED). Absent when the kernel does not tell. */
  readonly managed?: boolean
  /** Why the kernel refused a move, when it did so since it booted. */
  readonly refusal?: string
}

const DEBUG = '/sys/kernel/debug/irq/irqs'

/**
 * Only those that touch an isolated CPU: the others are nobody's concern. debugfs names managed interrupts where the
 * kernel has CONFIG_GENERIC_IRQ_DEBUGFS (kernel/irq/debugfs.c), which distributions leave out.
 */
export const touchingIrqs = defineFact<readonly TouchingIrq[]>('touching-irqs', async (host, get) => {
  const {isolated} = await get(settings)
  const refusals = await get(refused).catch(() => new Map<string, string>())
  const touching = (await get(irqs)).filter(
    ({affinity, effective}) =>
      !affinity.isDisjointFrom(isolated) || effective?.isDisjointFrom(isolated) === false,
  )
  return Promise.all(
    touching.map(async (irq) => {
      const chip = (await host.read(chipPath(irq.irq)).catch(() => undefined))?.trim()
      const flags = await host.read(`${DEBUG}/${irq.irq}`).catch(() => undefined)
      const refusal = [...refusals].find(([path]) => path.startsWith(`/proc/irq/${irq.irq}/`))?.[1]
      return {
        ...irq,
        ...(chip ? {chip} : {}),
        ...(flags === undefined ? {} : {managed: flags.includes('IRQD_AFFINITY_MANAGED')}),
        ...(refusal === undefined ? {} : {refusal}),
      }
    }),
  )
})
