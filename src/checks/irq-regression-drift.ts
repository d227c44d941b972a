// SPDX-License-Identifier: MIT
import {bootId} from '../facts/boot-id.ts'
import {told} from '../facts/fact.ts'
import {affinityPath, irqs} from '../facts/irqs.ts'
import {journal} from '../facts/journal.ts'
import {settings} from '../facts/settings.ts'
import {CpuSet} from '../model/cpuset.ts'
import {type Entry, inForce} from '../model/journal.ts'
import {defineCheck} from './check.ts'

/** Affinities that apply set and undo did not restore: path to cpulist. */
function applied(entries: readonly Entry[], bootId: string): ReadonlyMap<string, string> {
  const changes = inForce(entries, bootId).flatMap(({change}) =>
    change.kind === 'set' && change.path.startsWith('/proc/irq/') ? [[change.path, change.to] as const] : [],
  )
  return new Map(changes.reverse()) // newest last
}

export default defineCheck({
  id: 'irq-regression-drift',
  title: 'interrupts are where apply put them',
  why: 'irqbalance, other tuning tools, container runtimes and restarted drivers set affinities again, and report nothing.',
  values: 'Expected is what apply wrote. Found is the value now: another program has written it since.',
  extended: true,
  facts: {bootId, irqs, journal: told(journal), settings},
  skip: ({bootId, journal}) =>
    applied(journal, bootId).size === 0 ? 'apply has moved no interrupt since this boot' : undefined,
  judge({bootId, irqs, journal, settings: {isolated}}) {
    const wanted = applied(journal, bootId)
    return irqs.flatMap(({irq, actions, affinity}) => {
      const to = wanted.get(affinityPath(irq))
      if (to === undefined || CpuSet.parse(to).equals(affinity)) return []
      return [
        {
          severity: 'warn' as const,
          subject: `irq ${irq} (${actions.join(', ')})`,
          message: 'its affinity was changed since apply',
          cpus: affinity,
          expected: to,
          actual: `${affinity}`,
          remedy: affinity.isDisjointFrom(isolated)
            ? {text: 'find what changed it', command: 'isolctl status'}
            : {
                text: 'find what changed it (isolctl status), and apply again',
                step: 'irq-affinity' as const,
              },
        },
      ]
    })
  },
  evidence: ({bootId, journal}) => `${applied(journal, bootId).size} affinities as apply set them`,
  reference: 'kernel/irq/proc.c: write_irq_affinity',
})
