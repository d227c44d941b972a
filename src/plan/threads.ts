// SPDX-License-Identifier: MIT

import type {Task} from '../facts/tasks.ts'
import type {Change} from '../model/change.ts'
import type {Settings} from '../model/settings.ts'
import {quietSet} from './quiet-set.ts'

/**
 * Move kernel threads that may run on isolated CPUs, and are not bound, to housekeeping CPUs. Pure.
 */
export function moveThreads(tasks: readonly Task[], settings: Settings): readonly Change[] {
  return tasks
    .filter(({kernel, fixed, allowed}) => kernel && !fixed && !allowed.intersect(settings.isolated).isEmpty)
    .map(({tid, start, comm, allowed}) => ({
      kind: 'affinity',
      tid,
      start,
      comm,
      from: `${allowed}`,
      to: `${quietSet(allowed, settings)}`,
    }))
}
