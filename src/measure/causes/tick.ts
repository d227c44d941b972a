// SPDX-License-Identifier: MIT

import type {Circumstances} from '../circumstances.ts'
import {bootRemedy} from '../remedies/boot.ts'
import type {CpuWatch} from '../watch.ts'
import type {Rung} from './cause.ts'
import {keepAway, names} from './task.ts'

/** Fewer timer interrupts a second than this are not the tick: the slowest kernels tick 100 times, emulated ones lose some. */
const TICKING = 30

/** The tick was never stopped: on such a CPU it runs as long as a task does, so any timer interrupt is a tick. */
export const noNohzFull: Rung = ({watch: {cpu}, count}, {nohzFull, isolated, irqState}) =>
  count('timer') === 0 || nohzFull === undefined || nohzFull.has(cpu)
    ? undefined
    : {
        id: 'no-nohz-full',
        concern: 'tick',
        label: 'tick',
        sentence: 'not stopped: the CPU is not in nohz_full',
        remedy: bootRemedy(`nohz_full=${isolated}`, {isolated}, irqState?.boot),
        explains: ['timer', 'resched', 'irq-work'],
      }

const UNSTABLE = new Set(['hpet', 'acpi_pm', 'jiffies', 'refined-jiffies', 'pit'])

/** The clock source in use, where it is none that the tick could be stopped with. */
function poorClock(watch: CpuWatch, facts: Circumstances): string | undefined {
  const clocksource = watch.clocksource ?? facts.clocksource
  return clocksource !== undefined && UNSTABLE.has(clocksource) ? clocksource : undefined
}

/**
 * Two runnable tasks need the tick to share the CPU (kernel/sched/core.c: sched_can_stop_tick). Where there is another
 * reason for it, a task that ran for a moment is not the cause.
 */
export const tickForTwo: Rung = ({watch, rate, ran}, facts) => {
  const {running = 0, switches = 0} = watch
  const cameBy = ran.length > 0 || switches > 0
  if (rate('timer') < TICKING || !(running > 1 || (cameBy && poorClock(watch, facts) === undefined)))
    return undefined
  return {
    id: 'second-task',
    concern: 'tick',
    label: 'second task',
    sentence: `keeps the tick on: ${ran.length > 0 ? names(ran) : 'more than one is runnable'}`,
    remedy: keepAway(ran, facts),
    explains: ['timer', 'resched', 'irq-work'],
  }
}

/** TICK_DEP_BIT_CLOCK_UNSTABLE (kernel/sched/clock.c). */
export const unstableClock: Rung = ({watch, rate}, facts) => {
  const clocksource = poorClock(watch, facts)
  return rate('timer') < TICKING || clocksource === undefined
    ? undefined
    : {
        id: 'unstable-clock',
        concern: 'tick',
        label: 'clock',
        sentence: `keeps the tick on: the clock source is ${clocksource}, and not stable`,
        remedy: {text: 'the kernel log says why the TSC was rejected', command: 'dmesg | grep -i tsc'},
        explains: ['timer', 'irq-work'],
      }
}

/** The tick runs on a nohz_full CPU with one task. */
export const tickDependency: Rung = ({rate}) =>
  rate('timer') < TICKING
    ? undefined
    : {
        id: 'tick-dependency',
        concern: 'tick',
        label: 'tick',
        sentence:
          'not stopped, cause unknown: a POSIX CPU timer, a perf event, RCU or an unstable clock holds it',
        remedy: {
          text: 'the tracepoint timer:tick_stop names what holds it',
          command: 'isolctl preflight --trace',
        },
        explains: ['timer', 'irq-work'],
      }
