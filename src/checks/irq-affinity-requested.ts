// SPDX-License-Identifier: MIT
import {affinityPath, irqs} from '../facts/irqs.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'irq-affinity-requested',
  title: 'no interrupt may be routed to an isolated CPU',
  why: 'An interrupt can be moved at any time to any CPU that its affinity allows: by the kernel when a CPU goes offline, by a driver when it restarts.',
  values:
    'CPUs that the interrupt may be delivered to, as asked for in smp_affinity_list; any isolated one fails.',
  facts: {irqs, settings},
  judge: ({irqs, settings: {isolated, housekeeping}}) =>
    irqs
      .filter(({affinity, movable}) => movable !== false && !affinity.intersect(isolated).isEmpty)
      .map(({irq, actions, affinity}) => ({
        severity: 'fail',
        subject: `irq ${irq} (${actions.join(', ')})`,
        message: `allowed on CPU ${affinity.intersect(isolated)} by ${affinityPath(irq)}`,
        cpus: affinity.intersect(isolated),
        expected: `${housekeeping}`,
        actual: `${affinity}`,
      })),
  evidence: ({irqs}) => `${irqs.length} interrupts`,
  remedy: {text: 'move them to the housekeeping CPUs', command: 'isolctl apply --only irq-affinity'},
  reference: 'kernel/irq/proc.c: irq_affinity_list_proc_write',
})
