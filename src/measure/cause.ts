// SPDX-License-Identifier: MIT

import type {InterruptClass} from '../facts/interrupts.ts'
import {taskName} from '../facts/tasks.ts'
import type {CpuSet} from '../model/cpuset.ts'
import type {Remedy} from '../model/finding.ts'
import type {Circumstances} from './circumstances.ts'
import type {Moved, Ran} from './sample.ts'
import type {CpuWatch} from './watch.ts'

/** Which question a disturbance answers: the check that reports it. */
export type Concern = 'tick' | 'device' | 'ipi' | 'nmi' | 'task' | 'kthread'

/** Why a CPU was interrupted. */
export interface Cause {
  /** Stable: "fair-server", "second-task"; "unknown" when nothing explains the counts. */
  readonly id: string
  readonly concern: Concern
  /** Who: "fair server", "irq 24 (nvme0q1)", "kworker/3:1 [412]". */
  readonly label: string
  /** Does what, lower case, no full stop; reads on from "label: ", and is the same on every CPU it holds for. */
  readonly sentence: string
  readonly remedy?: Remedy
  /** The counts it explains. */
  readonly counts: readonly Moved[]
}

/** What a rung of the ladder looks at: the counts that no earlier rung has explained, and everything else. */
interface Seen {
  readonly watch: CpuWatch
  readonly left: readonly Moved[]
  /** Interrupts of these classes that are still unexplained, altogether. */
  count(...classes: InterruptClass[]): number
  /** The same per second. */
  rate(...classes: InterruptClass[]): number
  /** Tasks that no earlier rung has explained. */
  readonly ran: readonly Ran[]
}

type Explained = Omit<Cause, 'counts'> & {
  /** Classes whose counts it explains; the tasks as well with `tasks`. */
  readonly explains: readonly InterruptClass[]
  readonly tasks?: true
}

type Rung = (seen: Seen, facts: Circumstances) => Explained | undefined

/**
 * Name what disturbed a CPU under load, from counts, rates and what is known of the machine. Rungs are tried in order;
 * each takes the counts it explains off the ladder. What is left at the end has an unknown cause, and says so. Pure.
 */
export function causesOf(watch: CpuWatch, facts: Circumstances): readonly Cause[] {
  const causes: Cause[] = []
  for (const moved of watch.interrupts.filter((row) => row.class === 'device' || row.class === 'other'))
    causes.push(device(moved, facts))
  let left = watch.interrupts.filter((row) => row.class !== 'device' && row.class !== 'other')
  let ran = watch.ran
  let tasksOpen = true
  for (const rung of LADDER) {
    const count = (...classes: InterruptClass[]) =>
      left.reduce((sum, row) => sum + (classes.includes(row.class) ? row.count : 0), 0)
    const rate = (...classes: InterruptClass[]) => count(...classes) / watch.seconds
    const seen = {watch: tasksOpen ? watch : {...watch, switches: 0}, left, count, rate, ran}
    const explained = rung(seen, facts)
    if (explained === undefined) continue
    const {explains, tasks, ...cause} = explained
    causes.push({...cause, counts: left.filter((row) => explains.includes(row.class))})
    left = left.filter((row) => !explains.includes(row.class))
    if (tasks) {
      ran = []
      tasksOpen = false
    }
  }
  return causes
}

/** "LOC 29, RES 29, CAL 29"; a device has a number for a name, which says nothing here. */
export const formatCounts = (counts: readonly Moved[]): string =>
  counts
    .map(({name, count}) =>
      /^\d+$/.test(name) ? `${count} interrupt${count === 1 ? '' : 's'}` : `${name} ${count}`,
    )
    .join(', ')

const device = (moved: Moved, {isolated}: Circumstances): Cause => {
  if (moved.class === 'other')
    return {
      id: 'unknown',
      concern: 'device',
      label: moved.name,
      sentence: `cause unknown: ${moved.label || moved.name}`,
      counts: [moved],
    }
  const actions = /^\S+\s+\d+(?:-\S+|\s+(?:Level|Edge))?\s+(.+)$/.exec(moved.label)?.[1] ?? moved.label
  return {
    id: 'device-irq',
    concern: 'device',
    label: `irq ${moved.name} (${actions})`,
    sentence: 'fired on an isolated CPU',
    remedy: {
      text: `move it to the housekeeping CPUs; one that cannot be moved needs isolcpus=managed_irq,domain,${isolated} at boot`,
      command: 'isolctl apply --only irq-affinity',
    },
    counts: [moved],
  }
}

/** Fewer timer interrupts a second than this are not the tick: the slowest kernels tick 100 times, emulated ones lose some. */
const TICKING = 30
/** "About once a second": a window is not a whole number of periods, and a loaded host stretches it. */
const oncePerSecond = (rate: number) => rate >= 0.3 && rate <= 3

/** Within half the expected number, and one more for a period that straddles the window's ends. */
const about = (count: number, expected: number) => count >= expected / 2 - 1 && count <= expected * 1.5 + 1

const names = (ran: readonly Ran[]) => {
  const [first, second, third, ...rest] = ran.map(taskName)
  return [first, second, third, rest.length > 0 ? `${rest.length} more` : undefined]
    .filter((name) => name !== undefined)
    .join(', ')
}

const bootArgument = (argument: string): Remedy => ({
  text: `boot with ${argument}`,
})

/** The tick was never stopped: on such a CPU it runs as long as a task does, so any timer interrupt is a tick. */
const noNohzFull: Rung = ({watch: {cpu}, count}, {nohzFull, isolated}) =>
  count('timer') === 0 || nohzFull === undefined || nohzFull.has(cpu)
    ? undefined
    : {
        id: 'no-nohz-full',
        concern: 'tick',
        label: 'tick',
        sentence: 'not stopped: the CPU is not in nohz_full',
        remedy: bootArgument(`nohz_full=${isolated}`),
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
 * reason for it, a task that merely came by is not to blame.
 */
const tickForTwo: Rung = ({watch, rate, ran}, facts) => {
  const {running = 0, switches = 0} = watch
  const cameBy = ran.length > 0 || switches > 0
  if (rate('timer') < TICKING || !(running > 1 || (cameBy && poorClock(watch, facts) === undefined)))
    return undefined
  return {
    id: 'second-task',
    concern: 'tick',
    label: 'second task',
    sentence: `keeps the tick on: ${ran.length > 0 ? names(ran) : 'more than one is runnable'}`,
    remedy: keepAway(ran, facts.housekeeping),
    explains: ['timer', 'resched', 'irq-work'],
  }
}

/** TICK_DEP_BIT_CLOCK_UNSTABLE (kernel/sched/clock.c). */
const unstableClock: Rung = ({watch, rate}, facts) => {
  const clocksource = poorClock(watch, facts)
  return rate('timer') < TICKING || clocksource === undefined
    ? undefined
    : {
        id: 'unstable-clock',
        concern: 'tick',
        label: 'clock',
        sentence: `keeps the tick on: the clock source is ${clocksource}, and not stable`,
        remedy: bootArgument('tsc=reliable, if the TSC of this machine is known to be good'),
        explains: ['timer', 'irq-work'],
      }
}

/** The tick runs on a nohz_full CPU with one task. */
const tickDependency: Rung = ({rate}) =>
  rate('timer') < TICKING
    ? undefined
    : {
        id: 'tick-dependency',
        concern: 'tick',
        label: 'tick',
        sentence:
          'not stopped, cause unknown: a POSIX CPU timer, a perf event, RCU or an unstable clock holds it',
        remedy: {
          text: 'the tracepoint timer:tick_stop names the dependency',
          command: 'isolctl preflight --trace',
        },
        explains: ['timer', 'irq-work'],
      }

/** Machine checks that the kernel looks for with a per-CPU timer (arch/x86/kernel/cpu/mce/core.c: mce_timer_fn). */
const mcePoll: Rung = ({left}) =>
  left.some(({name}) => name === 'MCP')
    ? {
        id: 'mce-poll',
        concern: 'tick',
        label: 'machine check poll',
        sentence: 'the kernel looks for corrected hardware errors with a timer',
        remedy: {
          text: 'turn the poll off until reboot, or boot with mce=ignore_ce',
          command: 'echo 0 > /sys/devices/system/machinecheck/machinecheck0/check_interval',
        },
        explains: ['machine-check', 'timer'],
      }
    : undefined

const machineCheck: Rung = ({count}) =>
  count('machine-check') > 0
    ? {
        id: 'machine-check',
        concern: 'nmi',
        label: 'machine check',
        sentence: 'the hardware reported errors (machine check interrupts)',
        remedy: {text: 'see what they are', command: 'dmesg --level=err,warn'},
        explains: ['machine-check'],
      }
    : undefined

const nmi: Rung = ({watch: {cpu}, count}, {watchdog}) =>
  count('nmi', 'perf') === 0
    ? undefined
    : watchdog?.nmi && watchdog.cpus.has(cpu)
      ? {
          id: 'hard-lockup-watchdog',
          concern: 'nmi',
          label: 'NMI watchdog',
          sentence: 'the hard lockup detector counts cycles on the CPU',
          remedy: {
            text: 'turn it off until reboot, or boot with nmi_watchdog=0',
            command: 'sysctl -w kernel.nmi_watchdog=0',
          },
          explains: ['nmi', 'perf'],
        }
      : {
          id: 'perf-event',
          concern: 'nmi',
          label: 'NMI',
          sentence: 'performance counters or another source of NMIs are active on the CPU, source unknown',
          remedy: {text: 'stop profilers that count on every CPU (perf, eBPF agents)'},
          explains: ['nmi', 'perf'],
        }

/** Four seconds at the default threshold, and each time the stopper thread runs (kernel/watchdog.c). */
const softLockup: Rung = ({watch: {cpu, seconds, timers}, count, ran}, {watchdog}) => {
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
      command: 'sysctl -w kernel.soft_watchdog=0',
    },
    explains: ['timer', 'resched'],
    ...(stoppers ? {tasks: true} : {}),
  }
}

/** Until reboot; the server comes back when a CPU is taken offline and online again. */
export const FAIR_SERVER_OFF: Remedy = {
  text: 'turn it off (launch under the patched kernel parks it, and a lone SCHED_FIFO program does not meet it)',
  command: 'isolctl apply --only fair-server',
}

/**
 * 6.12: every enqueue of a SCHED_OTHER task arms it; each second it takes the CPU over, which needs the tick
 * (kernel/sched/deadline.c: dl_server_timer).
 */
const fairServer: Rung = ({watch: {cpu}, rate, count}, {policy, fairServer: runtimes, version}) => {
  // Its timer may well be on another CPU: then only the IPIs show here.
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
      ? 'probably: something comes once a second, as it does, and its state cannot be read'
      : 'interrupts the SCHED_OTHER task once a second',
    remedy: FAIR_SERVER_OFF,
    explains: ['timer', 'resched', 'call', 'irq-work'],
  }
}

/** Up to 6.11, or with RT_GROUP_SCHED: kernel/sched/rt.c, sched_rt_period_timer. */
const rtThrottling: Rung = ({watch: {timers}, rate}, {policy, rtRuntimeUs, version}) => {
  if (policy.kind !== 'fifo' || !oncePerSecond(rate('timer'))) return undefined
  if (rtRuntimeUs === undefined || rtRuntimeUs === -1) return undefined
  const armed = timers?.functions.includes('sched_rt_period_timer') ?? false
  if (!armed && !(version !== undefined && version < 6.012)) return undefined
  return {
    id: 'rt-throttling',
    concern: 'tick',
    label: 'RT throttling',
    sentence: 'looks after the SCHED_FIFO task once a second',
    remedy: {text: 'lift the limit for real-time tasks', command: 'sysctl -w kernel.sched_rt_runtime_us=-1'},
    explains: ['timer', 'resched'],
  }
}

/** Every half second on the next online CPU, isolated or not (kernel/time/clocksource.c: clocksource_watchdog). */
const clockWatchdog: Rung = ({watch: {seconds}, count}, facts) => {
  if (facts.clockWatchdog !== true || facts.online === undefined || count('timer') === 0) return undefined
  const expected = (seconds * 2) / facts.online
  const companions = Math.abs(count('timer') - count('call')) <= 2 + count('timer') / 10
  if (!about(count('timer'), expected) || !companions || count('call') === 0) return undefined
  return {
    id: 'clocksource-watchdog',
    concern: 'tick',
    label: 'clock source watchdog',
    sentence: `comes by every ${facts.online / 2} s`,
    remedy: bootArgument('tsc=reliable, or tsc=nowatchdog where the TSC is known to be good'),
    explains: ['timer', 'call'],
  }
}

/** Something else ran; for as long as two tasks are runnable the tick runs too. */
const otherTask: Rung = ({watch: {switches}, ran}, {housekeeping}) =>
  (switches ?? 0) === 0 && ran.length === 0
    ? undefined
    : {
        id: 'other-task',
        // Threads that belong to the CPU are a matter of their own: nobody can move them.
        concern: ran.length > 0 && ran.every(({kernel, fixed}) => kernel && fixed) ? 'kthread' : 'task',
        label: ran.length > 0 ? names(ran) : 'another task',
        sentence: ran.length > 0 ? 'ran on the CPU' : 'ran on the CPU, and was gone before it could be named',
        remedy: keepAway(ran, housekeeping),
        explains: ['timer', 'resched', 'irq-work'],
        tasks: true,
      }

function keepAway(ran: readonly Ran[], housekeeping: CpuSet): Remedy {
  const movable = ran.find(({fixed}) => !fixed)
  if (movable)
    return {
      text: 'keep it off the isolated CPUs',
      command: `taskset -cp ${housekeeping} ${movable.tid}`,
    }
  if (ran.some(({worker}) => worker))
    return {
      text: 'find who queues work there: unbound work obeys the cpumask, bound work follows whoever queued it',
      command: 'isolctl apply --only workqueue-cpumask',
    }
  return {text: 'a per-CPU kernel thread cannot be moved: find and stop what wakes it'}
}

const tlb: Rung = ({count}) =>
  count('tlb') === 0
    ? undefined
    : {
        id: 'tlb-shootdown',
        concern: 'ipi',
        label: 'TLB shootdown',
        sentence:
          'another CPU invalidated its TLB: memory was unmapped or protected, of the kernel or of this program',
        remedy: {text: 'stop what unmaps memory: vfree, module unloading, other threads of the same program'},
        explains: ['tlb', 'call'],
      }

const functionCall: Rung = ({count}) =>
  count('call') === 0
    ? undefined
    : {
        id: 'function-call',
        concern: 'ipi',
        label: 'function call IPI',
        sentence:
          'another CPU called a function on it, sender unknown: tracing, BPF, module loading and CPU hotplug do',
        remedy: {text: 'stop tracers, and load no module or BPF program while the CPU is in use'},
        explains: ['call'],
      }

const irqWork: Rung = ({count}) =>
  count('irq-work') === 0
    ? undefined
    : {
        id: 'irq-work',
        concern: 'ipi',
        label: 'irq_work',
        sentence: 'was queued to the CPU, sender unknown: a change of its tick dependencies does it',
        remedy: {text: 'look for timers, perf events and tasks that come and go on the CPU'},
        explains: ['irq-work'],
      }

const resched: Rung = ({count}) =>
  count('resched') === 0
    ? undefined
    : {
        id: 'resched-ipi',
        concern: 'ipi',
        label: 'reschedule IPI',
        sentence: 'another CPU asked it to reschedule, and nothing else ran, sender unknown',
        explains: ['resched'],
      }

const localTimer: Rung = ({watch: {timers}, count}) => {
  if (count('timer') === 0) return undefined
  const armed = [...new Set(timers?.functions ?? [])].filter(
    (name) => !/^tick_(nohz_handler|sched_timer)$/.test(name),
  )
  return {
    id: 'unknown',
    concern: 'tick',
    label: 'local timer',
    sentence: `expired on the CPU, cause unknown${armed.length > 0 ? `; armed there: ${armed.join(', ')}` : ''}`,
    explains: ['timer'],
  }
}

/** From what is certain to what is only left over. */
const LADDER: readonly Rung[] = [
  noNohzFull,
  tickForTwo,
  unstableClock,
  tickDependency,
  mcePoll,
  machineCheck,
  nmi,
  softLockup,
  fairServer,
  rtThrottling,
  clockWatchdog,
  otherTask,
  tlb,
  functionCall,
  irqWork,
  resched,
  localTimer,
]
