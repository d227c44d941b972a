// SPDX-License-Identifier: MIT
import {settings} from '../../facts/settings.ts'
import {WATCHDOG_CPUMASK, watchdog} from '../../facts/sysctls.ts'
import {quietSet} from '../quiet-set.ts'
import {defineStep} from '../step.ts'

export const watchdogCpumask = defineStep({
  id: 'watchdog-cpumask',
  check: 'softlockup-mask',
  title: ({isolated}) => `Turn off the lockup detectors on CPUs ${isolated}`,
  blast: 'a lockup of the kernel on an isolated CPU is no longer detected',
  facts: {settings, watchdog},
  plan({settings, watchdog}) {
    // When no detector is on, the mask has no effect.
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
