// SPDX-License-Identifier: MIT

import {settings} from '../../facts/settings.ts'
import {topology} from '../../facts/topology.ts'
import type {Change, Note} from '../../model/change.ts'
import {CpuSet} from '../../model/cpuset.ts'
import {defineStep} from '../step.ts'

export const smtSiblings = defineStep({
  id: 'smt-siblings',
  check: 'smt-sibling',
  title: ({isolated}) => `Take the siblings of CPUs ${isolated} offline`,
  blast: 'housekeeping loses these CPUs; tasks bound to them move, and all CPUs stop for a moment',
  onRequest: 'takes CPUs offline',
  facts: {settings, topology},
  plan({settings: {isolated, housekeeping}, topology}) {
    const changes: Change[] = []
    const notes: Note[] = []
    let left = housekeeping
    for (const {cpu, siblings} of topology.filter((each) => each.online && isolated.has(each.cpu))) {
      if (siblings === undefined) throw new Error(`the kernel does not report the siblings of CPU ${cpu}`)
      const both = siblings.intersect(isolated).minus(CpuSet.of(cpu))
      if (!both.isEmpty && Math.min(...both) > cpu)
        notes.push({
          subject: `CPU ${cpu} and ${both}`,
          reason: 'are one core, and both are to be isolated: use only one',
        })
      for (const sibling of siblings.intersect(left)) {
        const rest = left.minus(CpuSet.of(sibling))
        if (sibling === 0 || rest.isEmpty) {
          notes.push({
            subject: `CPU ${sibling}, sibling of ${cpu}`,
            reason: 'the system needs it',
          })
          continue
        }
        left = rest
        const path = `/sys/devices/system/cpu/cpu${sibling}/online`
        changes.push({kind: 'set', path, from: '1', to: '0', about: `sibling of CPU ${cpu}`})
      }
    }
    return {changes, notes}
  },
})
