// SPDX-License-Identifier: MIT

import {bootIsolated, nohzFull} from '../facts/cpus.ts'
import {optional} from '../facts/fact.ts'
import {taskIsolation} from '../facts/platform.ts'
import {settings} from '../facts/settings.ts'
import {bootRemedy, bootState} from '../measure/remedies/boot.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'kernel-task-isolation-abi',
  title: 'the running kernel has task isolation',
  why: 'With task isolation (prctl 48), the kernel itself keeps interruptions away from a program, and reports what broke the isolation. Without the patched kernel, launch can only pin a program and watch it.',
  values:
    'The CPUs on which the kernel grants task isolation. A warning: this kernel does not have it, and isolation is soft.',
  facts: {
    bootIsolated: optional(bootIsolated),
    bootState,
    nohzFull: optional(nohzFull),
    settings,
    taskIsolation,
  },
  judge({settings: {isolated}, taskIsolation}) {
    if (taskIsolation === undefined)
      return [
        {
          severity: 'warn',
          message: 'this kernel does not have task isolation: only soft isolation is possible',
        },
      ]
    const missing = isolated.minus(taskIsolation)
    if (missing.isEmpty) return []
    return [
      {
        severity: 'fail',
        subject: '/sys/devices/system/cpu/task_isolation',
        message: `the kernel would refuse it on CPU ${missing}`,
        cpus: missing,
        expected: `${isolated}`,
        actual: `${taskIsolation}` || 'none',
      },
    ]
  },
  evidence: ({taskIsolation}) => `${taskIsolation}`,
  remedy({bootIsolated, bootState, nohzFull, taskIsolation, settings}) {
    const {isolated} = settings
    if (taskIsolation === undefined) return {text: 'boot the patched kernel of kernel-patches/'}
    if (nohzFull && !isolated.isSubsetOf(nohzFull))
      return bootRemedy(`nohz_full=${isolated}`, settings, bootState)
    if (bootIsolated && !isolated.isSubsetOf(bootIsolated))
      return bootRemedy(`isolcpus=domain,managed_irq,${isolated}`, settings, bootState)
    return {text: 'the kernel names its reason in its log', command: 'dmesg | grep -i isolation'}
  },
  reference: 'Documentation/admin-guide/task-isolation.rst of the patched kernel',
})
