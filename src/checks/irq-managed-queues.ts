// SPDX-License-Identifier: MIT
import {touchingIrqs} from '../facts/irq-kinds.ts'
import {settings} from '../facts/settings.ts'
import {count} from '../lib/text.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'irq-managed-queues',
  title: 'managed queues have a housekeeping CPU',
  why: 'The kernel delivers the interrupt of a managed queue to an online CPU of its mask. With isolcpus=managed_irq it prefers a housekeeping CPU, but only if the mask has one. A queue with isolated CPUs only interrupts them whenever a program there does I/O.',
  values: 'The CPUs of a queue. A queue with isolated CPUs only is silent until a program there does I/O.',
  facts: {settings, touchingIrqs},
  judge({settings: {isolated, housekeeping}, touchingIrqs}) {
    const unreported = touchingIrqs.filter(
      ({movable, managed, refusal}) =>
        movable === undefined && managed === undefined && refusal === undefined,
    )
    const findings = touchingIrqs
      .filter(
        ({movable, managed, affinity, refusal}) =>
          (managed ?? (movable === false || refusal !== undefined)) && affinity.isSubsetOf(isolated),
      )
      .map(({irq, actions, affinity}) => ({
        severity: 'warn' as const,
        subject: `irq ${irq} (${actions.join(', ')})`,
        message: `belongs to CPU ${affinity} alone, and fires there when a program on that CPU does I/O`,
        cpus: affinity,
        expected: `a mask with one of ${housekeeping}`,
        actual: `${affinity}`,
      }))
    // The check irq-affinity-requested judges an interrupt that can be moved.
    const doubtful = unreported.filter(({affinity}) => affinity.isSubsetOf(isolated))
    if (findings.length === 0 && doubtful.length > 0)
      return {
        unknown: `whether irq ${doubtful[0]?.irq} is managed is not known: only a write or debugfs shows it`,
      }
    return findings
  },
  evidence: ({touchingIrqs}) => `${count(touchingIrqs.length, 'interrupt')} may come to isolated CPUs`,
  remedy: {
    text: 'keep file access off the isolated CPUs, or give the driver fewer queues than housekeeping CPUs',
  },
  reference: 'kernel/irq/manage.c: irq_do_set_affinity',
})
