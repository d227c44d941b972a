// SPDX-License-Identifier: MIT
import {isOwnQueue, touchingIrqs} from '../facts/irq-kinds.ts'
import {effectivePath, irqs} from '../facts/irqs.ts'
import {settings} from '../facts/settings.ts'
import {irqRemedy, irqState} from '../measure/remedies/irq.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'irq-affinity-effective',
  title: 'no interrupt is delivered to an isolated CPU',
  why: 'Requested and effective affinity differ: a managed interrupt keeps its full mask, and a pending move happens at the next interrupt. Only the effective affinity decides.',
  values:
    'The CPUs to which the interrupt is delivered. A warning: it has a new affinity, and moves when it next fires.',
  facts: {irqState, irqs, settings, touchingIrqs},
  judge({irqState, irqs, settings: {isolated, housekeeping}, touchingIrqs}) {
    const own = new Set(touchingIrqs.filter((each) => isOwnQueue(each, isolated)).map(({irq}) => irq))
    const blind = irqs.filter(
      ({irq, effective, affinity, unstarted}) =>
        !own.has(irq) && effective === undefined && !unstarted && !affinity.isSubsetOf(housekeeping),
    )
    const findings = irqs.flatMap((each) => {
      const {irq, actions, affinity, effective, movable} = each
      const hit = effective?.intersect(isolated)
      if (hit === undefined || hit.isEmpty || own.has(irq)) return []
      const pending = affinity.intersect(isolated).isEmpty
      return [
        {
          severity: pending ? ('warn' as const) : ('fail' as const),
          subject: `irq ${irq} (${actions.join(', ')})`,
          message: pending
            ? `still delivered to CPU ${hit}: the move waits for the next interrupt`
            : `delivered to CPU ${hit}${movable === false ? ', and user space may not move it' : ''}`,
          cpus: hit,
          expected: `${housekeeping}`,
          actual: `${effective}`,
          remedy: irqRemedy(each, isolated, irqState),
        },
      ]
    })
    // An interrupt whose affinity has only housekeeping CPUs is delivered to no other CPU.
    if (findings.length === 0 && blind.length > 0)
      return {
        unknown:
          blind.length === irqs.length
            ? 'this kernel does not report the effective affinity of interrupts'
            : `${effectivePath(blind[0]?.irq ?? 0)} does not exist`,
      }
    return findings
  },
  evidence: ({irqs}) => `${irqs.length} interrupts`,
  reference: 'kernel/irq/manage.c: irq_do_set_affinity',
})
