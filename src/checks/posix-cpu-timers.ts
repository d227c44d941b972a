// SPDX-License-Identifier: MIT
import {taskName} from '../facts/tasks.ts'
import {cpuTimerUsers} from '../measure/cpu-timers.ts'
import {workload} from '../measure/workload.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'posix-cpu-timers',
  title: 'programs there use no timers on CPU time',
  why: 'The tick checks a timer on the CPU time of a thread or process, and therefore never stops on its CPU.',
  values: 'The threads with a timer on CPU time. The kernel keeps the tick on for them.',
  extended: true,
  facts: {cpuTimerUsers, workload},
  skip: ({workload}) => (workload.length === 0 ? 'no program has been put on isolated CPUs yet' : undefined),
  judge: ({cpuTimerUsers}) =>
    cpuTimerUsers === undefined
      ? {unknown: '/proc/PID/timers does not exist (CONFIG_CHECKPOINT_RESTORE)'}
      : cpuTimerUsers.map((thread) => ({
          severity: 'warn',
          subject: taskName(thread),
          message: 'has a timer on CPU time',
          cpus: thread.allowed,
        })),
  evidence: ({workload}) => `${workload.length} threads looked at`,
  remedy: {
    text: 'use a timer on CLOCK_MONOTONIC, in a thread on a housekeeping CPU; RLIMIT_CPU counts as well',
  },
  reference: 'kernel/time/posix-cpu-timers.c: TICK_DEP_BIT_POSIX_TIMER',
})
