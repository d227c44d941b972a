// SPDX-License-Identifier: MIT
import {settings} from '../../facts/settings.ts'
import {namedWorkqueues} from '../../facts/workqueues.ts'
import type {Change} from '../../model/change.ts'
import {quietSet} from '../quiet-set.ts'
import {defineStep} from '../step.ts'

export const workqueueSysfsCpumasks = defineStep({
  id: 'workqueue-sysfs-cpumasks',
  check: 'wq-sysfs-cpumasks',
  title: ({housekeeping}) => `Keep workqueues with their own cpumask on CPUs ${housekeeping}`,
  blast: 'writeback and the other work of these queues may stall for a moment while they move',
  facts: {settings, namedWorkqueues},
  plan: ({settings, namedWorkqueues}) => ({
    changes: namedWorkqueues
      .filter(({cpus}) => !cpus.intersect(settings.isolated).isEmpty)
      .map(
        ({name, mask, cpus}): Change => ({
          kind: 'set',
          path: mask.path,
          from: mask.text,
          to: quietSet(cpus, settings).toMask(mask.text),
          format: 'cpumask',
          about: name,
        }),
      ),
  }),
})
