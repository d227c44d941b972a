// SPDX-License-Identifier: MIT

import {isTick} from '../../facts/timers.ts'
import type {Remedy} from '../../model/finding.ts'
import type {Rung} from './cause.ts'

/** Wide limits: a window is not a whole number of periods, and a loaded host delays a timer. */
const oncePerSecond = (rate: number) => rate >= 0.3 && rate <= 3

/** Within half of the expected number, plus or minus one for a period that the window cuts. */
const about = (count: number, expected: number) => count >= expected / 2 - 1 && count <= expected * 1.5 + 1

/**
 * The kernel looks for machine checks with a per-CPU timer (arch/x86/kernel/cpu/mce/core.c:
 * mce_timer_fn).
 */
export const mcePoll: Rung = ({left}) =>
  left.some(({name}) => name === 'MCP')
    ? {
        id: 'mce-poll',
        concern: 'tick',
        label: 'machine check poll',
        sentence: 'a timer polls for corrected hardware errors',
        remedy: {
          text: 'turn the poll off, or boot with mce=ignore_ce',
          step: 'mce-poll',
        },
        explains: ['machine-check', 'timer'],
      }
    : undefined

/**
 * Every 4 s at the default threshold. Each time the stopper thread of the CPU runs
 * (kernel/watchdog.c).
 */
export const softLockup: Rung = ({watch: {cpu, seconds, timers}, count, ran}, {watchdog}) => {
  if (!watchdog?.soft || !watchdog.cpus.has(cpu) || count('timer') === 0) return undefined
  const armed = timers?.functions.includes('watchdog_timer_fn')
  if (armed === false || !about(count('timer'), seconds / 4)) return undefined
  const stoppers = ran.every(({comm}) => comm.startsWith('migration/'))
  return {
    id: 'soft-lockup-watchdog',
    concern: 'tick',
    label: 'soft lockup watchdog',
    sentence: 'wakes up on the CPU every 4 s',
    remedy: {
      text: 'keep it off the isolated CPUs, or boot with nosoftlockup',
      step: 'watchdog-cpumask',
    },
    explains: ['timer', 'resched'],
    ...(stoppers ? {tasks: true} : {}),
  }
}

/** Lasts until reboot. The server is on again after a CPU was taken offline and online. */
export const FAIR_SERVER_OFF: Remedy = {
  text: 'turn it off (launch under the patched kernel parks it, and a lone SCHED_FIFO program does not meet it)',
  step: 'fair-server',
}

/**
 * In 6.12, every enqueue of a SCHED_OTHER task arms it. Each second it takes over the CPU, which
 * needs the tick (kernel/sched/deadline.c: dl_server_timer).
 */
export const fairServer: Rung = ({watch: {cpu}, rate, count}, {policy, fairServer: runtimes, version}) => {
  // Its timer may be on another CPU. Then only its IPIs are counted here.
  const beat = Math.max(rate('timer'), rate('resched'))
  if (policy.kind !== 'other' || !oncePerSecond(beat) || count('resched', 'call', 'irq-work') === 0)
    return undefined
  const runtime = runtimes?.get(cpu)
  const guess = runtimes === undefined && version !== undefined && version >= 6.008 && rate('resched') >= 0.3
  if (!guess && !((runtime ?? 0) > 0)) return undefined
  return {
    id: 'fair-server',
    concern: 'tick',
    label: 'fair server',
    sentence: guess
      ? 'is the probable cause of an interrupt once a second; its state cannot be read'
      : 'interrupts the SCHED_OTHER task once a second',
    remedy: guess
      ? {text: 'run as root with debugfs mounted, to see whether it is on (kernel-lockdown-debugfs)'}
      : FAIR_SERVER_OFF,
    explains: ['timer', 'resched', 'call', 'irq-work'],
  }
}

/** Up to 6.11, or with CONFIG_RT_GROUP_SCHED (kernel/sched/rt.c: sched_rt_period_timer). */
export const rtThrottling: Rung = ({watch: {timers}, rate}, {policy, rtRuntimeUs, version}) => {
  if (policy.kind !== 'fifo' || !oncePerSecond(rate('timer'))) return undefined
  if (rtRuntimeUs === undefined || rtRuntimeUs === -1) return undefined
  const armed = timers?.functions.includes('sched_rt_period_timer') ?? false
  if (!armed && !(version !== undefined && version < 6.012)) return undefined
  return {
    id: 'rt-throttling',
    concern: 'tick',
    label: 'RT throttling',
    sentence: 'interrupts the SCHED_FIFO task once a second',
    // From 6.12 on, only CONFIG_RT_GROUP_SCHED has this timer, and no step of apply handles it.
    remedy:
      version !== undefined && version >= 6.012
        ? {text: 'set kernel.sched_rt_runtime_us to -1'}
        : {text: 'lift the limit for real-time tasks', step: 'rt-throttle'},
    explains: ['timer', 'resched'],
  }
}

/**
 * Every half second on the next online CPU, isolated or not (kernel/time/clocksource.c:
 * clocksource_watchdog).
 */
export const clockWatchdog: Rung = ({watch: {seconds}, count}, facts) => {
  if (facts.clockWatchdog !== true || facts.online === undefined || count('timer') === 0) return undefined
  const expected = (seconds * 2) / facts.online
  const companions = Math.abs(count('timer') - count('call')) <= 2 + count('timer') / 10
  if (!about(count('timer'), expected) || !companions || count('call') === 0) return undefined
  return {
    id: 'clocksource-watchdog',
    concern: 'tick',
    label: 'clock source watchdog',
    sentence: `runs on the CPU every ${facts.online / 2} s`,
    remedy: {text: 'boot with tsc=reliable, or with tsc=nowatchdog where the TSC is known to be good'},
    explains: ['timer', 'call'],
  }
}

export const localTimer: Rung = ({watch: {timers}, count}) => {
  if (count('timer') === 0) return undefined
  const armed = [...new Set(timers?.functions ?? [])].filter((name) => !isTick(name))
  return {
    id: 'unknown',
    concern: 'tick',
    label: 'local timer',
    sentence: `expired on the CPU, cause unknown${armed.length > 0 ? `; armed there: ${armed.join(', ')}` : ''}`,
    explains: ['timer'],
  }
}
