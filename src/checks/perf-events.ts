// SPDX-License-Identifier: MIT
import {perfUsers} from '../facts/perf-events.ts'
import {everyTask, taskName} from '../facts/tasks.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'perf-events',
  title: 'no program holds performance events',
  why: 'A profiler of the whole machine counts on every CPU. Its events keep the tick on, and its counters raise NMIs.',
  values:
    'The programs with open performance events. The kernel does not report their CPUs, so this is a warning.',
  facts: {everyTask, perfUsers},
  judge: ({perfUsers}) =>
    perfUsers.map((task) => ({
      severity: 'warn',
      subject: taskName(task),
      message: 'has performance events open; the kernel does not report on which CPUs',
    })),
  evidence: ({everyTask}) => `${everyTask.filter(({pid, tid}) => pid === tid).length} programs looked at`,
  remedy: {text: 'stop it, or let it count on the housekeeping CPUs only (perf -C LIST)'},
  reference: 'kernel/events/core.c: perf_event_open, TICK_DEP_BIT_PERF_EVENTS',
})
