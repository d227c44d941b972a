// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {parseInterrupts} from '../../src/facts/interrupts.ts'
import {causesOf} from '../../src/measure/causes/ladder.ts'
import type {Circumstances} from '../../src/measure/circumstances.ts'
import type {Moved, Ran} from '../../src/measure/sample.ts'
import type {CpuWatch} from '../../src/measure/watch.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {commandOf} from '../../src/model/finding.ts'
import {interruptsText} from '../support/machine.ts'

const FACTS: Circumstances = {
  isolated: CpuSet.parse('2-3'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'other'},
  isolate: false,
  online: 4,
  nohzFull: CpuSet.parse('2-3'),
  fairServer: new Map([
    [2, 0],
    [3, 0],
  ]),
  version: 6.012,
  rtRuntimeUs: 950_000,
  clocksource: 'tsc',
  clockWatchdog: false,
  watchdog: {soft: false, nmi: false, cpus: CpuSet.parse('0-1')},
}

/** Counts on CPU 3, with the class and label from the parser. */
const moved = (counts: Readonly<Record<string, number>>): readonly Moved[] =>
  parseInterrupts(
    interruptsText(
      Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, [0, 0, 0, count]])),
      {
        HYP: 'Hypervisor callback interrupts',
        '11': 'GICv3 27 Level arch_timer',
        IPI2: 'Function call interrupts',
      },
    ),
  ).map(({name, class: kind, label, counts: perCpu}) => ({
    name,
    class: kind,
    label,
    count: perCpu.get(3) ?? 0,
  }))

const watch = (counts: Readonly<Record<string, number>>, over: Partial<CpuWatch> = {}): CpuWatch => ({
  cpu: 3,
  seconds: 10,
  interrupts: moved(counts),
  switches: 0,
  running: 1,
  ran: [],
  stealMs: 0,
  ...over,
})

const task = (comm: string, over: Partial<Ran> = {}): Ran => ({
  tid: 412,
  comm,
  kernel: false,
  fixed: false,
  worker: false,
  switches: 3,
  ...over,
})

const kthread = (comm: string, over: Partial<Ran> = {}) => task(comm, {kernel: true, fixed: true, ...over})

const FIFO = {policy: {kind: 'fifo', priority: 1}} as const
const SERVED = {fairServer: new Map([[3, 50_000_000]])}
const SOFT = {watchdog: {soft: true, nmi: false, cpus: CpuSet.parse('0-3')}}
const HARD = {watchdog: {soft: false, nmi: true, cpus: CpuSet.parse('0-3')}}

interface Row {
  readonly name: string
  readonly seen: CpuWatch
  readonly facts?: Partial<Circumstances>
  /** Cause id and, after a colon, its concern. */
  readonly causes: readonly string[]
  readonly says?: RegExp
  readonly remedy?: RegExp
}

const ROWS: readonly Row[] = [
  {name: 'nothing', seen: watch({}), causes: []},
  {
    name: 'HZ, not nohz_full',
    seen: watch({LOC: 2500, RES: 3}),
    facts: {nohzFull: CpuSet.empty},
    causes: ['no-nohz-full:tick'],
    says: /not in nohz_full/,
    remedy: /nohz_full=2-3/,
  },
  {
    name: 'few ticks, as on an emulated machine, not nohz_full',
    seen: watch({LOC: 40}),
    facts: {nohzFull: CpuSet.empty},
    causes: ['no-nohz-full:tick'],
  },
  {
    name: 'HZ on a short nohz_full list, with the fair server as well: the tick is the cause',
    seen: watch({LOC: 2500}),
    facts: {nohzFull: CpuSet.parse('2'), ...SERVED},
    causes: ['no-nohz-full:tick'],
  },
  {
    name: 'HZ with a second runnable task that is known',
    seen: watch({LOC: 2500}, {running: 2, switches: 900, ran: [task('stress')]}),
    causes: ['second-task:tick', 'other-task:task'],
    says: /stress \[412\]/,
    remedy: /taskset -cp 0-1 412/,
  },
  {
    name: 'HZ with a second runnable task that no sample has',
    seen: watch({LOC: 2500}, {running: 2}),
    causes: ['second-task:tick'],
  },
  {
    name: 'HZ on an unstable clock',
    seen: watch({LOC: 2500}),
    facts: {clocksource: 'hpet'},
    causes: ['unstable-clock:tick'],
    says: /hpet/,
  },
  {
    name: 'HZ on a clock that the kernel found unstable in the window, which makes it stop all CPUs',
    seen: watch({LOC: 2500, RES: 1}, {clocksource: 'hpet', switches: 2, ran: [kthread('migration/3')]}),
    facts: {clocksource: 'tsc'},
    causes: ['unstable-clock:tick', 'other-task:kthread'],
    says: /hpet/,
  },
  {
    name: 'HZ for two tasks, on an unstable clock',
    seen: watch({LOC: 2500}, {running: 2, switches: 900, ran: [task('stress')]}),
    facts: {clocksource: 'hpet'},
    causes: ['second-task:tick', 'other-task:task'],
    says: /stress/,
  },
  {
    name: 'HZ, and nothing explains it',
    seen: watch({LOC: 2500}),
    causes: ['tick-dependency:tick'],
    says: /cause unknown/,
    remedy: /timer:tick_stop/,
  },
  {
    name: 'HZ, and whether the CPU is in nohz_full is unknown: no cause is reported',
    seen: watch({LOC: 2500}),
    facts: withoutKey('nohzFull'),
    causes: ['tick-dependency:tick'],
  },
  {
    name: 'once a second, SCHED_OTHER, fair server',
    seen: watch({LOC: 10, RES: 10, CAL: 10}),
    facts: SERVED,
    causes: ['fair-server:tick'],
    says: /fair server/,
    remedy: /apply --only fair-server/,
  },
  {
    name: 'fair server with its timer on another CPU: only IPIs here',
    seen: watch({RES: 10, CAL: 9}),
    facts: SERVED,
    causes: ['fair-server:tick'],
    says: /fair server/,
  },
  {
    name: 'reschedule IPIs at another rate: not the fair server',
    seen: watch({RES: 400, CAL: 9}),
    facts: SERVED,
    causes: ['function-call:ipi', 'resched-ipi:ipi'],
  },
  {
    name: 'once a second, and debugfs cannot be read: the fair server is the probable cause',
    seen: watch({LOC: 10, RES: 10, CAL: 10}),
    facts: withoutKey('fairServer'),
    causes: ['fair-server:tick'],
    says: /cannot be read/,
  },
  {
    name: 'once a second with the fair server off: not the fair server',
    seen: watch({LOC: 10, RES: 10, CAL: 10}),
    causes: ['function-call:ipi', 'resched-ipi:ipi', 'unknown:tick'],
  },
  {
    name: 'once a second under SCHED_FIFO: not the fair server',
    seen: watch({LOC: 10, RES: 10}),
    facts: {...SERVED, ...FIFO},
    causes: ['resched-ipi:ipi', 'unknown:tick'],
  },
  {
    name: 'SCHED_FIFO on 6.1: RT throttling',
    seen: watch({LOC: 10, RES: 5}),
    facts: {...FIFO, version: 6.001, fairServer: new Map()},
    causes: ['rt-throttling:tick'],
    remedy: /apply --only rt-throttle/,
  },
  {
    name: 'SCHED_FIFO with the period timer armed',
    seen: watch({LOC: 10}, {timers: {functions: ['sched_rt_period_timer']}}),
    facts: FIFO,
    causes: ['rt-throttling:tick'],
  },
  {
    name: 'SCHED_FIFO without a limit: not RT throttling',
    seen: watch({LOC: 10}),
    facts: {...FIFO, version: 6.001, rtRuntimeUs: -1},
    causes: ['unknown:tick'],
  },
  {
    name: 'clock source watchdog: every 2 s on 4 CPUs',
    seen: watch({LOC: 5, CAL: 5}),
    facts: {clockWatchdog: true},
    causes: ['clocksource-watchdog:tick'],
    says: /every 2 s/,
    remedy: /tsc=reliable/,
  },
  {
    name: 'every 2 s with tsc=reliable: not the clock source watchdog',
    seen: watch({LOC: 5, CAL: 5}),
    causes: ['function-call:ipi', 'unknown:tick'],
  },
  {
    name: 'soft lockup detector, which wakes the stopper',
    seen: watch(
      {LOC: 3, RES: 3},
      {switches: 6, ran: [kthread('migration/3')], timers: {functions: ['watchdog_timer_fn']}},
    ),
    facts: SOFT,
    causes: ['soft-lockup-watchdog:tick'],
    says: /every 4 s/,
  },
  {
    name: 'soft lockup detector on, but its timer is not armed here',
    seen: watch({LOC: 2}, {timers: {functions: ['hrtimer_wakeup']}}),
    facts: SOFT,
    causes: ['unknown:tick'],
    says: /hrtimer_wakeup/,
  },
  {
    name: 'machine check poll',
    seen: watch({LOC: 1, MCP: 1}),
    causes: ['mce-poll:tick'],
    remedy: /apply --only mce-poll/,
  },
  {name: 'machine check errors', seen: watch({MCE: 2}), causes: ['machine-check:nmi']},
  {
    name: 'hard lockup detector',
    seen: watch({NMI: 1, PMI: 1}),
    facts: HARD,
    causes: ['hard-lockup-watchdog:nmi'],
    remedy: /nmi_watchdog=0/,
  },
  {
    name: 'NMIs of another source',
    seen: watch({NMI: 40, PMI: 40}),
    causes: ['perf-event:nmi'],
    says: /source unknown/,
  },
  {
    name: 'a device interrupt, by number and name',
    seen: watch({24: 7}),
    causes: ['device-irq:device'],
    says: /irq 24 \(nvme0q1\): fired/,
    remedy: /isolctl apply --only irq-affinity/,
  },
  {
    name: 'two device interrupts and the fair server: three causes',
    seen: watch({24: 7, 25: 1, LOC: 10, RES: 10}),
    facts: SERVED,
    causes: ['device-irq:device', 'device-irq:device', 'fair-server:tick'],
  },
  {
    name: 'a row that the parser does not know',
    seen: watch({HYP: 3}),
    causes: ['unknown:device'],
    says: /Hypervisor callback/,
  },
  {
    name: 'a bound kworker ran',
    seen: watch({LOC: 2, RES: 1}, {switches: 2, ran: [kthread('kworker/3:1', {worker: true})]}),
    causes: ['other-task:kthread'],
    says: /kworker\/3:1 \[412\]: ran/,
    remedy: /bound work runs on the CPU that queued it/,
  },
  {
    name: 'a task that ended before a sample',
    seen: watch({}, {switches: 2}),
    causes: ['other-task:task'],
    says: /ended before its name was read/,
  },
  {
    name: 'a user task beside the fair server: both',
    seen: watch({LOC: 10, RES: 12, CAL: 10}, {switches: 4, ran: [task('bash')]}),
    facts: SERVED,
    causes: ['fair-server:tick', 'other-task:task'],
    remedy: /taskset|fair-server/,
  },
  {
    name: 'TLB shootdowns, which are counted as calls, too',
    seen: watch({TLB: 3, CAL: 3}),
    causes: ['tlb-shootdown:ipi'],
  },
  {name: 'function calls', seen: watch({CAL: 31}), causes: ['function-call:ipi'], says: /sender unknown/},
  {name: 'function calls on arm64', seen: watch({IPI2: 31}), causes: ['function-call:ipi']},
  {name: 'irq_work', seen: watch({IWI: 2}), causes: ['irq-work:ipi']},
  {name: 'reschedule IPIs alone', seen: watch({RES: 2}), causes: ['resched-ipi:ipi']},
  {name: 'a few timers', seen: watch({LOC: 2}), causes: ['unknown:tick'], says: /cause unknown/},
  {
    name: 'the tick on arm64, which has no LOC row',
    seen: watch({11: 2500}),
    facts: {nohzFull: CpuSet.empty},
    causes: ['no-nohz-full:tick'],
  },
]

function withoutKey(key: keyof Circumstances): Partial<Circumstances> {
  return {[key]: undefined} as Partial<Circumstances>
}

describe('the cause of a disturbance', () => {
  test.for(ROWS)('$name', ({seen, facts, causes, says, remedy}) => {
    const found = causesOf(seen, {...FACTS, ...facts})
    expect(found.map(({id, concern}) => `${id}:${concern}`)).toEqual(causes)
    if (says) expect(found.map(({label, sentence}) => `${label}: ${sentence}`).join('\n')).toMatch(says)
    if (remedy)
      expect(found.map(({remedy: what}) => `${what?.text} ${what && commandOf(what)}`).join('\n')).toMatch(
        remedy,
      )
  })

  test.for(ROWS)('explains every count exactly once: $name', ({seen, facts}) => {
    const explained = causesOf(seen, {...FACTS, ...facts}).flatMap(({counts}) => counts)
    expect(explained.map(({name}) => name).sort()).toEqual(seen.interrupts.map(({name}) => name).sort())
  })

  test('is named for every count, also if only the counts are known', () => {
    const blind: Circumstances = {
      isolated: FACTS.isolated,
      housekeeping: FACTS.housekeeping,
      policy: {kind: 'other'},
      isolate: false,
    }
    const found = causesOf(watch({LOC: 10, RES: 10, CAL: 10, 24: 1}), blind)
    expect(found.map(({id}) => id)).toEqual(['device-irq', 'function-call', 'resched-ipi', 'unknown'])
  })
})
