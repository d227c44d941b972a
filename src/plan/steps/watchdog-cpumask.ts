// SPDX-License-Identifier: MIT
import {settings} from '../../facts/settings.ts'
import {WATCHDOG_CPUMASK, watchdog} from '../../facts/sysctls.ts'
import {quietSet} from '../quiet-set.ts'
import {defineStep} from '../step.ts'

export const watchdogCpumask = defineStep({
  id: 'watchdog-cpumask',
  check: 'softlockup-mask',
  title: ({isolated}) => `Take CPUs ${isolated} from the lockup detectors`,
  blast: 'a kernel that hangs on an isolated CPU is no longer noticed there',
  facts: {settings, watchdog},
  plan({settings, watchdog}) {
    // Where no detector is on, the mask changes nothing.
    const active = watchdog !== undefined && (watchdog.soft || watchdog.nmi)
    if (!active || watchdog.cpus.intersect(settings.isolated).isEmpty) return {changes: []}
    return {
      changes: [
        {
          kind: 'set',
          path: WATCHDOG_CPUMASK,
          from: `${watchdog.cpus}`,
          to: `${quietSet(watchdog.cpus, settings)}`,
          format: 'cpulist',
        },
      ],
    }
  },
})
