// SPDX-License-Identifier: MIT
import {type TouchingIrq, touchingIrqs} from '../facts/irq-kinds.ts'
import {settings} from '../facts/settings.ts'
import {bootState} from '../measure/remedies/boot.ts'
import {unmovableRemedy} from '../measure/remedies/irq.ts'
import {defineCheck} from './check.ts'

/**
 * Queues whose CPUs the kernel chooses for the driver: nvme, virtio, megaraid, mpi3mr and others.
 */
const QUEUE =
  /(nvme\d+q\d+|virtio\d+-(req|input|output|virtqueues)|megasas|mpi3mr|mpt3sas|smartpqi|-TxRx-|_comp\d+|-q\d+$)/i
/** Wired to one CPU on x86: the timer, the cascade of the old controllers. */
const PER_CPU = /^(timer|cascade|rtc0)$/

function explain({actions, chip, managed}: TouchingIrq): string | undefined {
  if (managed) return 'managed'
  if (actions.some((action) => PER_CPU.test(action)) || chip === 'XT-PIC') return 'per-CPU'
  if (actions.some((action) => QUEUE.test(action))) return 'a queue, managed'
  return undefined
}

const unmovable = (irqs: readonly TouchingIrq[]) =>
  irqs.filter(({movable, refusal}) => movable === false || refusal !== undefined)

export default defineCheck({
  id: 'irq-unmovable-classified',
  title: 'interrupts that cannot be moved are explained',
  why: 'Some interrupts cannot be moved: managed queues, per-CPU timers, a cascade. This is no fault if the reason is known. If it is not, look at the driver.',
  values:
    'The reason why each interrupt cannot be moved: it is per-CPU, or its driver manages it. An unknown reason warns.',
  facts: {bootState, settings, touchingIrqs},
  judge: ({touchingIrqs}) =>
    unmovable(touchingIrqs)
      .filter((irq) => explain(irq) === undefined)
      .map(({irq, actions, affinity, refusal, chip}) => ({
        severity: 'warn',
        subject: `irq ${irq} (${actions.join(', ')})`,
        message: `cannot be moved${refusal === undefined ? '' : ` (${refusal})`}, and the reason is not known${chip === undefined ? '' : `; its controller is ${chip}`}`,
        actual: `${affinity}`,
      })),
  evidence({touchingIrqs}) {
    const kinds = unmovable(touchingIrqs).map((irq) => `irq ${irq.irq} ${explain(irq)}`)
    return kinds.length === 0
      ? 'none'
      : kinds.slice(0, 3).join(', ') + (kinds.length > 3 ? ` and ${kinds.length - 3} more` : '')
  },
  remedy: ({bootState, settings: {isolated}}) => unmovableRemedy(isolated, bootState),
  reference: 'kernel/irq/proc.c: write_irq_affinity (EIO, and EPERM since 6.12, for what may not be moved)',
})
