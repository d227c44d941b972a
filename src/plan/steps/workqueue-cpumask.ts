// SPDX-License-Identifier: MIT
import {settings} from '../../facts/settings.ts'
import {WORKQUEUE_CPUMASK, workqueues} from '../../facts/workqueues.ts'
import {quietSet} from '../quiet-set.ts'
import {defineStep} from '../step.ts'

export const workqueueCpumask = defineStep({
  id: 'workqueue-cpumask',
  check: 'wq-unbound-cpumask',
  title: ({housekeeping}) => `Keep unbound work on housekeeping CPUs ${housekeeping}`,
  blast: 'storage and network may stall for a moment while queues move',
  facts: {settings, workqueues},
  plan({settings, workqueues: {cpumask, cpumaskText, requested}}) {
    if (cpumask.intersect(settings.isolated).isEmpty) return {changes: []}
    const to = quietSet(cpumask, settings).toMask(cpumaskText)
    const notes =
      requested && !requested.equals(cpumask)
        ? [
            {
              subject: `the requested mask ${requested}`,
              reason: 'undo restores the mask in force, not this request, which a cpuset partition reduces',
            },
          ]
        : []
    return {
      changes: [{kind: 'set', path: WORKQUEUE_CPUMASK, from: cpumaskText, to, format: 'cpumask'}],
      notes,
    }
  },
})
