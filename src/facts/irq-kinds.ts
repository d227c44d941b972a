// SPDX-License-Identifier: MIT
import type {CpuSet} from '../model/cpuset.ts'
import {defineFact, readText} from './fact.ts'
import {chipPath, type Irq, irqs} from './irqs.ts'
import {refused} from './journal.ts'
import {settings} from './settings.ts'

/** An interrupt that is delivered to an isolated CPU, or may be. */
export interface TouchingIrq extends Irq {
  /** "PCI-MSIX-0000:00:05.0", "IO-APIC" */
  readonly chip?: string
  /**
   * Managed: the kernel places it, one per CPU or queue (IRQD_AFFINITY_MANAGED). Absent when the
   * kernel does not report it.
   */
  readonly managed?: boolean
  /** Why the kernel refused to move it since the last boot; absent when it did not. */
  readonly refusal?: string
}

/** The queues of NVMe, which the kernel manages since 4.8 (drivers/nvme/host/pci.c: nvme_setup_irqs). */
const ALWAYS_MANAGED = /^nvme\d+q[1-9]\d*$/

/**
 * Whether this is a queue of isolated CPUs only that nobody can move: it is silent until a program
 * on these CPUs does I/O (Documentation/admin-guide/kernel-parameters.txt, isolcpus=managed_irq).
 * The check irq-managed-queues reports it, and no other. Pure.
 */
export const isOwnQueue = (
  {actions, affinity, managed, movable, refusal}: TouchingIrq,
  isolated: CpuSet,
): boolean =>
  affinity.isSubsetOf(isolated) &&
  (managed ??
    (movable === false || refusal !== undefined || actions.some((action) => ALWAYS_MANAGED.test(action))))

const DEBUG = '/sys/kernel/debug/irq/irqs'

/**
 * The interrupts that touch an isolated CPU. debugfs marks managed interrupts when the kernel has
 * CONFIG_GENERIC_IRQ_DEBUGFS (kernel/irq/debugfs.c), which distribution kernels do not have.
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
      const flags = await readText(host, `${DEBUG}/${irq.irq}`).catch(() => undefined)
      const refusal = [...refusals].find(([path]) => path.startsWith(`/proc/irq/${irq.irq}/`))?.[1]
      return {
        ...irq,
        ...(chip ? {chip} : {}),
        ...(flags?.includes('dstate:') ? {managed: flags.includes('IRQD_AFFINITY_MANAGED')} : {}),
        ...(refusal === undefined ? {} : {refusal}),
      }
    }),
  )
})
