// SPDX-License-Identifier: MIT

import type {QueueMask} from '../facts/net-queues.ts'
import type {Change} from '../model/change.ts'
import type {Settings} from '../model/settings.ts'
import {quietSet} from './quiet-set.ts'

/** Remove isolated CPUs from the masks of network queues. Pure. */
export function moveQueues(
  queues: readonly QueueMask[],
  settings: Settings,
): readonly Extract<Change, {kind: 'set'}>[] {
  return queues
    .filter(({cpus}) => !cpus.intersect(settings.isolated).isEmpty)
    .map(({nic, queue, mask, cpus}) => ({
      kind: 'set',
      path: mask.path,
      from: mask.text,
      to: quietSet(cpus, settings).toMask(mask.text),
      format: 'cpumask',
      about: [nic, queue].filter(Boolean).join(' '),
    }))
}
