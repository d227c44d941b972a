// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {isTick} from '../facts/timers.ts'
import {armedTimers} from '../measure/armed.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

/**
 * kernel/watchdog.c, kernel/sched/deadline.c, kernel/sched/rt.c, kernel/time/hrtimer.c,
 * kernel/events/core.c
 */
const MEANING: Readonly<Record<string, string>> = {
  watchdog_timer_fn: 'the soft lockup detector (softlockup-mask)',
  dl_task_timer: 'a deadline task, or the fair server (fair-server)',
  sched_rt_period_timer: 'real-time throttling (rt-throttle)',
  sched_cfs_period_timer: 'a CPU quota of a control group',
  hrtimer_wakeup: 'a task that sleeps until a time, and last ran there',
  posix_timer_fn: 'a POSIX timer of a program',
  it_real_fn: 'an alarm of a program',
  timerfd_tmrproc: 'a timerfd of a program',
  perf_mux_hrtimer_handler: 'performance events that take turns (perf-events)',
  perf_swevent_hrtimer: 'a profiler (perf-events)',
}

export default defineCheck({
  id: 'hrtimers-on-core',
  title: 'no timer is armed on an isolated CPU',
  why: 'A high-resolution timer fires on the CPU on which it was armed. Each one is a future interrupt, and its function names the cause.',
  values:
    'The functions of the armed timers, by their names in the kernel. The tick is left out: tick-stopped-under-load reports it.',
  facts: {armedTimers, settings},
  judge({armedTimers, settings: {isolated}}) {
    const unseen = [...isolated].filter((cpu) => !armedTimers.has(cpu))
    if (unseen.length > 0) return {unknown: `/proc/timer_list has no entry for CPU ${CpuSet.from(unseen)}`}
    const where = new Map<string, number[]>()
    for (const cpu of isolated)
      for (const name of new Set(armedTimers.get(cpu)?.functions))
        if (!isTick(name)) where.set(name, [...(where.get(name) ?? []), cpu])
    return [...where].map(([name, cpus]) => ({
      severity: 'warn',
      subject: name,
      message: `armed on CPU ${CpuSet.from(cpus)}: ${MEANING[name] ?? 'see the function in the source of the kernel'}`,
      cpus: CpuSet.from(cpus),
    }))
  },
  evidence: () => 'none but the tick',
  remedy: {text: 'see the check that the finding names; the timer of a task moves with the task'},
  reference: 'kernel/time/timer_list.c',
})
