// SPDX-License-Identifier: MIT
import {DEFAULT_AFFINITY, irqDefault, irqs} from '../../facts/irqs.ts'
import {refused} from '../../facts/journal.ts'
import {managed, managementNics} from '../../facts/management.ts'
import {settings} from '../../facts/settings.ts'
import type {Change} from '../../model/change.ts'
import {moveIrqs} from '../irqs.ts'
import {quietSet} from '../quiet-set.ts'
import {defineStep} from '../step.ts'

export const irqAffinity = defineStep({
  id: 'irq-affinity',
  check: 'irq-affinity-requested',
  title: ({housekeeping}) => `Move interrupts to housekeeping CPUs ${housekeeping}`,
  blast: 'housekeeping CPUs handle these interrupts; no device is reset',
  facts: {settings, irqs, irqDefault, refused, managementNics},
  plan({settings, irqs, irqDefault, refused, managementNics = []}) {
    const {isolated} = settings
    const own = irqs.filter((irq) => managed(managementNics, irq))
    const {changes, notes} = moveIrqs(
      irqs.filter((irq) => !own.includes(irq)),
      {settings, refused},
    )
    const fallback: Change = {
      kind: 'set',
      path: DEFAULT_AFFINITY,
      from: irqDefault.text,
      to: quietSet(irqDefault.affinity, settings).toMask(irqDefault.text),
      format: 'cpumask',
      about: 'interrupts requested from now on',
    }
    const stray = !irqDefault.affinity.intersect(isolated).isEmpty
    return {
      changes: stray ? [fallback, ...changes] : changes,
      notes: [
        ...notes,
        ...own
          .filter(({affinity}) => !affinity.intersect(isolated).isEmpty)
          .map(({irq, actions}) => ({
            subject: `irq ${irq} (${actions.join(',')})`,
            reason: 'you may be connected through it: not changed without --also management-nic',
          })),
      ],
    }
  },
})
