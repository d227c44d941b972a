// SPDX-License-Identifier: MIT
import {defineFact} from '../../facts/fact.ts'
import {affinityPath, type Irq, irqs} from '../../facts/irqs.ts'
import {refused} from '../../facts/journal.ts'
import {type ManagementNic, managed, managementNics} from '../../facts/management.ts'
import {settings} from '../../facts/settings.ts'
import type {CpuSet} from '../../model/cpuset.ts'
import type {Remedy} from '../../model/finding.ts'
import {type BootState, bootState, passes} from './boot.ts'

/** What decides how to keep an interrupt off isolated CPUs. */
export interface IrqState {
  readonly boot: BootState
  readonly managementNics: readonly ManagementNic[]
  /** Affinities that the kernel has refused since it booted: path to reason. */
  readonly refused: ReadonlyMap<string, string>
}

/**
 * Never rejects: what cannot be read is empty. Management NICs and refused affinities are read only
 * if the affinity of an interrupt includes isolated CPUs.
 */
export const irqState = defineFact<IrqState>('irq-state', async (_host, get) => {
  const maybe = <T>(value: Promise<T>) => value.catch(() => undefined)
  const {isolated} = await get(settings)
  const reaching = ((await maybe(get(irqs))) ?? []).some(({affinity}) => !affinity.isDisjointFrom(isolated))
  return {
    boot: await get(bootState),
    managementNics: (reaching ? await maybe(get(managementNics)) : undefined) ?? [],
    refused: (reaching ? await maybe(get(refused)) : undefined) ?? new Map<string, string>(),
  }
})

/** How to keep this interrupt off the isolated CPUs. Pure. */
export function irqRemedy(irq: Irq, isolated: CpuSet, {boot, managementNics, refused}: IrqState): Remedy {
  if (irq.affinity.isDisjointFrom(isolated)) return {text: 'it moves when it next fires'}
  if (irq.movable === false || refused.has(affinityPath(irq.irq))) return unmovableRemedy(isolated, boot)
  return managed(managementNics, irq) === undefined
    ? {text: 'move it to the housekeeping CPUs', step: 'irq-affinity'}
    : {text: 'move it; you may be connected through this card', step: 'management-nic'}
}

/** For an interrupt whose CPU is chosen by the kernel or the driver. Pure. */
export function unmovableRemedy(isolated: CpuSet, {booted}: BootState): Remedy {
  const word = `isolcpus=managed_irq,domain,${isolated}`
  return booted !== undefined && passes(booted, word)
    ? {text: 'give its driver fewer queues than there are housekeeping CPUs'}
    : {text: `boot with ${word}, which keeps managed interrupts away`}
}
