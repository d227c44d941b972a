// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {watchdog} from '../facts/sysctls.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'softlockup-mask',
  title: 'lockup detectors leave isolated CPUs alone',
  why: 'The soft lockup detector arms a timer and wakes a thread every 4 s on each CPU of its mask. The hard lockup detector raises NMIs.',
  values: 'The CPUs of the lockup detectors. off passes too.',
  facts: {settings, watchdog},
  skip: ({watchdog}) => (watchdog === undefined ? 'this kernel has no lockup detectors' : undefined),
  judge({settings: {isolated, housekeeping}, watchdog}) {
    const hit = watchdog?.cpus.intersect(isolated)
    if (!watchdog || !hit || hit.isEmpty || !(watchdog.soft || watchdog.nmi)) return []
    const active = [watchdog.soft ? 'soft' : '', watchdog.nmi ? 'hard' : ''].filter(Boolean).join(' and ')
    return [
      {
        severity: 'fail',
        subject: '/proc/sys/kernel/watchdog_cpumask',
        message: `the ${active} lockup detector runs on CPU ${hit}`,
        cpus: hit,
        expected: `${housekeeping}`,
        actual: `${watchdog.cpus}`,
      },
    ]
  },
  evidence: ({watchdog}) => (watchdog?.soft || watchdog?.nmi ? `${watchdog.cpus}` : 'off'),
  remedy: {
    text: 'keep it to the housekeeping CPUs',
    step: 'watchdog-cpumask',
  },
  reference: 'Documentation/admin-guide/lockup-watchdogs.rst',
})
