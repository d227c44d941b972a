// SPDX-License-Identifier: MIT
import type {Irq} from '../../facts/irqs.ts'
import type {CpuSet} from '../../model/cpuset.ts'
import type {Remedy} from '../../model/finding.ts'

/** The thread of an interrupt: "irq/24-nvme0q1" (kernel/irq/manage.c: setup_irq_thread). */
export const isIrqThread = (comm: string): boolean => /^irq\/\d+-/.test(comm)

/**
 * How to move an unbound kthread. The threads of RCU have their own step, and the thread of an
 * interrupt follows its interrupt. `irqs` is undefined if they cannot be read. Pure.
 */
export function kthreadRemedy(comm: string, isolated: CpuSet, irqs: readonly Irq[] | undefined): Remedy {
  if (isIrqThread(comm)) {
    const irq = irqs?.find((each) => each.irq === Number.parseInt(comm.slice('irq/'.length), 10))
    return irq === undefined || irq.affinity.isDisjointFrom(isolated)
      ? {text: 'it moves when its interrupt next fires'}
      : {text: 'move its interrupt', step: 'irq-affinity'}
  }
  const step = comm.startsWith('rcu') ? 'rcu-kthreads' : 'kthread-affinity'
  return {text: 'move it to the housekeeping CPUs', step}
}
