// SPDX-License-Identifier: MIT

import {affinityPath, effectivePath, type Irq} from '../facts/irqs.ts'
import type {Change, Note} from '../model/change.ts'
import type {Settings} from '../model/settings.ts'
import {quietSet} from './quiet-set.ts'

interface Given {
  readonly settings: Settings
  /** Path to reason, for interrupts that the kernel refused to move since it booted. */
  readonly refused: ReadonlyMap<string, string>
}

/**
 * Move interrupts from isolated CPUs to housekeeping CPUs, and list those that cannot be moved.
 * Pure.
 */
export function moveIrqs(
  irqs: readonly Irq[],
  {settings, refused}: Given,
): {readonly changes: readonly Change[]; readonly notes: readonly Note[]} {
  const wrong = irqs.filter(({affinity}) => !affinity.intersect(settings.isolated).isEmpty)
  const kept = (irq: Irq) => irq.movable === false || refused.has(affinityPath(irq.irq))
  return {
    changes: wrong
      .filter((irq) => !kept(irq))
      .map((irq) => ({
        kind: 'set',
        path: affinityPath(irq.irq),
        from: irq.affinityText,
        to: `${quietSet(irq.affinity, settings)}`,
        format: 'cpulist',
        effective: effectivePath(irq.irq),
        avoid: `${settings.isolated}`,
        refusable: true,
        about: irq.actions.join(','),
      })),
    notes: wrong.filter(kept).map(({irq, actions}) => ({
      subject: `irq ${irq} (${actions.join(',')})`,
      reason: 'placed by the kernel (managed or per-CPU), cannot be moved',
    })),
  }
}
