// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {namedWorkqueues, workqueues} from '../facts/workqueues.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

/** The kernel's own rule: what is in both masks, or the general one where that is nothing. */
function effective(own: CpuSet, general: CpuSet): CpuSet {
  const both = own.intersect(general)
  return both.isEmpty ? general : both
}

export default defineCheck({
  id: 'wq-sysfs-cpumasks',
  title: 'workqueues with own masks avoid isolated CPUs',
  why: 'Some workqueues, such as writeback and those of storage and network drivers, have a mask of their own. Their work runs on the CPUs that are in it and in the general mask.',
  values: 'The CPUs of each workqueue with a mask of its own.',
  facts: {namedWorkqueues, settings, workqueues},
  judge: ({namedWorkqueues, settings: {isolated, housekeeping}, workqueues: {cpumask}}) =>
    namedWorkqueues.flatMap(({mask, cpus}) => {
      const open = effective(cpus, cpumask).intersect(isolated)
      if (open.isEmpty) return []
      return [
        {
          severity: 'fail' as const,
          subject: mask.path,
          message: `its work may run on CPU ${open}`,
          cpus: open,
          expected: `${housekeeping}`,
          actual: `${cpus}`,
          remedy: cpus.isDisjointFrom(isolated)
            ? {
                text: 'bound all unbound workqueues: its own mask leaves no other CPU',
                step: 'workqueue-cpumask' as const,
              }
            : {text: 'take the isolated CPUs out of its mask', step: 'workqueue-sysfs-cpumasks' as const},
        },
      ]
    }),
  evidence: ({namedWorkqueues}) => namedWorkqueues.map(({name}) => name).join(', ') || 'none',
  reference: 'kernel/workqueue.c: apply_wqattrs_prepare',
})
