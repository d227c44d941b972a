// SPDX-License-Identifier: MIT
import {affinityPath, DEFAULT_AFFINITY, effectivePath, type Irq, irqDefault, irqs} from '../../facts/irqs.ts'
import {refused} from '../../facts/journal.ts'
import {settings} from '../../facts/settings.ts'
import type {Change} from '../change.ts'
import {quietSet} from '../quiet-set.ts'
import {defineStep} from '../step.ts'

export const irqAffinity = defineStep({
  id: 'irq-affinity',
  check: 'irq-affinity-requested',
  title: ({housekeeping}) => `Move interrupts to housekeeping CPUs ${housekeeping}`,
  blast: 'housekeeping CPUs take these interrupts over; no device is reset',
  facts: {settings, irqs, irqDefault, refused},
  plan({settings, irqs, irqDefault, refused}) {
    const {isolated} = settings
    const wrong = irqs.filter(({affinity}) => !affinity.intersect(isolated).isEmpty)
    const kept = (irq: Irq) => irq.movable === false || refused.has(affinityPath(irq.irq))
    const movable = wrong.filter((irq) => !kept(irq))
    const changes = movable.map(
      (irq): Change => ({
        kind: 'set',
        path: affinityPath(irq.irq),
        from: irq.affinityText,
        to: `${quietSet(irq.affinity, settings)}`,
        format: 'cpulist',
        effective: effectivePath(irq.irq),
        refusable: true,
        about: irq.actions.join(','),
      }),
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
      notes: wrong.filter(kept).map(({irq, actions}) => ({
        subject: `irq ${irq} (${actions.join(',')})`,
        reason: 'placed by the kernel (managed or per-CPU), cannot be moved',
      })),
    }
  },
})
