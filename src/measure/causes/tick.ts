// SPDX-License-Identifier: MIT

import type {Circumstances} from '../circumstances.ts'
import {bootRemedy} from '../remedies/boot.ts'
import type {CpuWatch} from '../watch.ts'
import type {Rung} from './cause.ts'
import {keepAway, names} from './task.ts'

/**
 * Timer interrupts per second. A lower rate is not the tick: the lowest HZ is 100, and an emulated
 * machine loses some ticks.
 */
const TICKING = 30

/**
 * The tick cannot be stopped. On a CPU outside nohz_full it runs while a task runs, so every timer
 * interrupt is a tick.
 */
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

/** The clock source in use, if the tick cannot be stopped with it. */
function poorClock(watch: CpuWatch, facts: Circumstances): string | undefined {
  const clocksource = watch.clocksource ?? facts.clocksource
  return clocksource !== undefined && UNSTABLE.has(clocksource) ? clocksource : undefined
}

/**
 * Two runnable tasks need the tick to share the CPU (kernel/sched/core.c: sched_can_stop_tick). If
 * the clock source is a reason for the tick, a task that ran for a short time is not the cause.
 */
export const tickForTwo: Rung = ({watch, rate, ran}, facts) => {
  const {running = 0, switches = 0} = watch
  const visited = ran.length > 0 || switches > 0
  if (rate('timer') < TICKING || !(running > 1 || (visited && poorClock(watch, facts) === undefined)))
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

/** The kernel sets TICK_DEP_BIT_CLOCK_UNSTABLE (kernel/sched/clock.c). */
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

/** The tick runs on a nohz_full CPU with one task: something depends on it. */
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
