// SPDX-License-Identifier: MIT
import {isOwnQueue, touchingIrqs} from '../facts/irq-kinds.ts'
import {affinityPath, irqs} from '../facts/irqs.ts'
import {settings} from '../facts/settings.ts'
import {irqRemedy, irqState} from '../measure/remedies/irq.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'irq-affinity-requested',
  title: 'no interrupt may be routed to an isolated CPU',
  why: 'The kernel can move an interrupt at any time to any CPU of its affinity, for example when a CPU goes offline or a driver restarts.',
  values: 'The CPUs of smp_affinity_list. An isolated CPU among them fails.',
  facts: {irqState, irqs, settings, touchingIrqs},
  judge: ({irqState, settings, touchingIrqs}) =>
    touchingIrqs
      .filter((irq) => irq.movable !== false && !irq.managed && !isOwnQueue(irq, settings.isolated))
      .flatMap((irq) =>
        reaching(irq.affinity, settings, {
          severity: 'fail',
          subject: `irq ${irq.irq} (${irq.actions.join(', ')})`,
          says: (open) => `allowed on CPU ${open} by ${affinityPath(irq.irq)}`,
          remedy: irqRemedy(irq, settings.isolated, irqState),
        }),
      ),
  evidence: ({irqs}) => `${irqs.length} interrupts`,
  reference: 'kernel/irq/proc.c: irq_affinity_list_proc_write',
})
