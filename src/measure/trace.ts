// SPDX-License-Identifier: MIT
import type {TraceEvent} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Concern} from './concern.ts'

/** What a tracepoint recorded about a CPU, and how often. */
export interface Witness {
  readonly cpu: number
  /** The kind of disturbance that it explains. */
  readonly concern: Concern
  /** Follows "traced: " in a message: "flush_tlb_func sent by sshd [812] on CPU 0 from ...". */
  readonly what: string
  readonly count: number
}

interface Line {
  readonly comm: string
  readonly pid: number
  readonly cpu: number
  /** Recorded in an interrupt, which is not the work of the task that it interrupted. */
  readonly interrupt: boolean
  /** The timer function that the interrupt ran, if the stack shows it. */
  timer?: string
  readonly event: string
  readonly rest: string
}

interface Tracepoint {
  readonly name: string
  readonly concern: Concern
  /**
   * The field with the target, for an event that the sending CPU records. Absent if the disturbed
   * CPU records the event.
   */
  readonly target?: 'cpu' | 'cpumask'
  /**
   * Record the stack, which may name the timer that caused the event. Not for events that cannot be
   * filtered and are recorded for all CPUs.
   */
  readonly stack?: true
  /** The event in words. Undefined if it is not of interest. Pure. */
  describe(line: Line): string | undefined
}

const field = (rest: string, name: string) =>
  new RegExp(`(?:^|[ ,])${name}=(.*?)(?=$| \\w+=)`).exec(rest)?.[1]
const by = ({comm, pid, cpu, interrupt, timer}: Line) => {
  if (interrupt) return `CPU ${cpu} in ${timer ?? 'an interrupt'}`
  return pid === 0 ? `CPU ${cpu} while idle` : `${comm} [${pid}] on CPU ${cpu}`
}
/** "tick_nohz_full_kick_cpu+0x2c/0x50" */
const symbol = (text: string | undefined) => text?.replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+.*$/, '')

/**
 * Source: include/trace/events/{timer,sched,irq,workqueue,ipi,csd}.h. Tracepoints that the running
 * kernel does not have are left out.
 */
const TRACEPOINTS: readonly Tracepoint[] = [
  {
    name: 'timer/tick_stop',
    concern: 'tick',
    describe: ({rest}) =>
      field(rest, 'success') === '0' ? `the tick is held by ${field(rest, 'dependency')}` : undefined,
  },
  {
    name: 'timer/hrtimer_expire_entry',
    concern: 'tick',
    describe: ({rest}) => `timer ${symbol(field(rest, 'function'))}`,
  },
  {
    name: 'timer/timer_expire_entry',
    concern: 'tick',
    describe: ({rest}) => `timer ${symbol(field(rest, 'function'))}`,
  },
  {
    name: 'sched/sched_switch',
    concern: 'task',
    describe: ({rest}) => {
      const [comm, pid] = [field(rest, 'next_comm'), field(rest, 'next_pid')]
      return pid === '0' || comm === 'isol-spin' ? undefined : `switched to ${comm} [${pid}]`
    },
  },
  {
    name: 'irq/irq_handler_entry',
    concern: 'device',
    describe: ({rest}) => `irq ${field(rest, 'irq')} (${field(rest, 'name')})`,
  },
  {
    name: 'workqueue/workqueue_execute_start',
    concern: 'task',
    describe: ({rest}) => `work ${symbol(/function (\S+)/.exec(rest)?.[1])}`,
  },
  {
    name: 'workqueue/workqueue_queue_work',
    concern: 'task',
    target: 'cpu',
    describe: (line) => `work ${symbol(field(line.rest, 'function'))} queued by ${by(line)}`,
  },
  {
    name: 'ipi/ipi_send_cpu',
    concern: 'ipi',
    target: 'cpu',
    stack: true,
    describe: (line) => ipi(line),
  },
  {
    name: 'ipi/ipi_send_cpumask',
    concern: 'ipi',
    target: 'cpumask',
    describe: (line) => ipi(line),
  },
  {
    name: 'csd/csd_queue_cpu',
    concern: 'ipi',
    target: 'cpu',
    stack: true,
    describe: (line) =>
      `${symbol(field(line.rest, 'func'))} sent by ${by(line)} from ${symbol(field(line.rest, 'callsite'))}`,
  },
]

const ipi = (line: Line) => `IPI of ${symbol(field(line.rest, 'callsite'))} sent by ${by(line)}`

/**
 * The events to record, with their filters. Before 6.6 the kernel cannot filter by a cpumask:
 * events with a mask are recorded for all CPUs, and readTrace() drops those of other CPUs.
 */
export function traceEvents(cpus: CpuSet): readonly TraceEvent[] {
  const filter = (name: string) =>
    `${cpus}`
      .split(',')
      .map((range) => range.split('-'))
      .map(([first = '', last = first]) => `(${name} >= ${first} && ${name} <= ${last})`)
      .join(' || ')
  return TRACEPOINTS.map(({name, target, stack}) => ({
    name,
    ...(stack ? {stack} : {}),
    // "CPU" is the CPU that records, "cpu" a field of the event (kernel/trace/trace_events.c).
    ...(target === 'cpumask' ? {} : {filter: filter(target ?? 'CPU')}),
  }))
}

/**
 * Read the text of a trace (Documentation/trace/ftrace.rst, "Output format"): what disturbed each
 * of these CPUs, and how often, most frequent first. Events that the process `own` sent are left
 * out. Pure.
 */
export function readTrace(
  text: string,
  {cpus, own}: {readonly cpus: CpuSet; readonly own: number},
): readonly Witness[] {
  const points = new Map(TRACEPOINTS.map((point) => [point.name.slice(point.name.indexOf('/') + 1), point]))
  const seen: {point: Tracepoint; line: Line}[] = []
  const latest = new Map<string, Line>()
  for (const [, comm = '', pid, cpu = '', flags = '', event = '', rest = '', frames] of text.matchAll(LINE)) {
    if (frames !== undefined) {
      const line = latest.get(cpu)
      const timer = timerIn(frames)
      if (line && timer !== undefined) line.timer = timer
      continue
    }
    const point = points.get(event)
    if (!point || (point.target && Number(pid) === own)) continue
    const line = {
      comm: comm.trim(),
      pid: Number(pid),
      cpu: Number(cpu),
      interrupt: /^..[sShHzZ]/.test(flags),
      event,
      rest,
    }
    latest.set(cpu, line)
    seen.push({point, line})
  }
  const found = new Map<string, {-readonly [K in keyof Witness]: Witness[K]}>()
  for (const {point, line} of seen) {
    const what = point.describe(line)
    if (what === undefined) continue
    for (const target of targets(line, point).intersect(cpus)) {
      const {concern} = point
      const key = `${target} ${concern} ${what}`
      const witness = found.get(key) ?? {cpu: target, concern, what, count: 0}
      witness.count++
      found.set(key, witness)
    }
  }
  return [...found.values()].sort((a, b) => b.count - a.count)
}

/** An event, or "<stack trace>" and its functions, which follows its event on the same CPU. */
const LINE =
  /^\s*(.+)-(\d+)\s+\[(\d+)\]\s+(\S+)\s+\d+\.\d+: (?:(\w+): (.*)|<stack trace>\n((?: => .*(?:\n|$))*))$/gm

/**
 * The function of the timer that the kernel was running: the one that these functions called
 * (kernel/time/{hrtimer,timer}.c).
 */
function timerIn(frames: string): string | undefined {
  const functions = [...frames.matchAll(/^ => (\w+)/gm)].map(([, name]) => name)
  const caller = functions.findIndex((name) => name === '__hrtimer_run_queues' || name === 'call_timer_fn')
  return caller > 0 ? functions[caller - 1] : undefined
}

/** The kernel prints a cpumask in hex (kernel/trace/trace_output.c: trace_print_bitmask_seq). */
function targets({cpu, rest}: Line, {target}: Tracepoint): CpuSet {
  if (target === undefined) return CpuSet.of(cpu)
  const value = field(rest, target)?.trim() ?? ''
  if (target === 'cpumask') return /^[0-9a-f,]+$/i.test(value) ? CpuSet.fromMask(value) : CpuSet.empty
  return /^\d+$/.test(value) ? CpuSet.of(Number(value)) : CpuSet.empty
}
