// SPDX-License-Identifier: MIT
import {defineFact} from '../../facts/fact.ts'
import {affinityPath, type Irq, irqs} from '../../facts/irqs.ts'
import {refused} from '../../facts/journal.ts'
import {type ManagementNic, managed, managementNics} from '../../facts/management.ts'
import {settings} from '../../facts/settings.ts'
import type {CpuSet} from '../../model/cpuset.ts'
import type {Remedy} from '../../model/finding.ts'
import {type BootState, bootState, passes} from './boot.ts'

/** What decides how an interrupt is kept off isolated CPUs. */
export interface IrqState {
  readonly boot: BootState
  readonly managementNics: readonly ManagementNic[]
  /** Affinities that the kernel has refused since it booted: path to reason. */
  readonly refused: ReadonlyMap<string, string>
}

/** Never rejects: what cannot be read is taken for nothing. Where no interrupt reaches isolated CPUs, little is read. */
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

/** How this interrupt is kept off the isolated CPUs. Pure. */
export function irqRemedy(irq: Irq, isolated: CpuSet, {boot, managementNics, refused}: IrqState): Remedy {
  if (irq.affinity.isDisjointFrom(isolated)) return {text: 'it moves when it next fires'}
  if (irq.movable === false || refused.has(affinityPath(irq.irq))) return unmovableRemedy(isolated, boot)
  return managed(managementNics, irq) === undefined
    ? {text: 'move it to the housekeeping CPUs', step: 'irq-affinity'}
    : {text: 'move it; you may be connected through this card', step: 'management-nic'}
}

/** For an interrupt that the kernel or its driver places. Pure. */
export function unmovableRemedy(isolated: CpuSet, {booted}: BootState): Remedy {
  const word = `isolcpus=managed_irq,domain,${isolated}`
  return booted !== undefined && passes(booted, word)
    ? {text: 'give its driver fewer queues than there are housekeeping CPUs'}
    : {text: `boot with ${word}, which keeps managed interrupts away`}
}
