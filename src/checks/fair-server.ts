// SPDX-License-Identifier: MIT

import {optional} from '../facts/fact.ts'
import {fairServer, fairServerPath} from '../facts/fair-server.ts'
import {refused} from '../facts/journal.ts'
import {settings} from '../facts/settings.ts'
import {FAIR_SERVER_OFF} from '../measure/causes/timers.ts'
import {probe} from '../measure/watch.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'fair-server',
  title: 'the fair server is off on isolated CPUs',
  why: 'Since Linux 6.12, a deadline server gives SCHED_OTHER tasks CPU time beside real-time tasks. It interrupts a lone SCHED_OTHER program once a second, even on an isolated CPU.',
  values:
    'The nanoseconds of each second that the server may take from real-time programs. 0 is off; the default is 50000000.',
  facts: {fairServer, probe, refused: optional(refused), settings},
  skip: ({fairServer, probe, settings: {policy}}) =>
    fairServer === undefined
      ? 'this kernel has no fair server'
      : policy.kind === 'fifo'
        ? 'it does not interrupt a lone SCHED_FIFO program'
        : probe.isolate
          ? 'task isolation parks it'
          : undefined,
  judge({fairServer, settings: {isolated}}) {
    const unseen = [...isolated].filter((cpu) => fairServer?.get(cpu) === undefined)
    if (unseen.length > 0) return {unknown: `${fairServerPath(unseen[0] ?? 0)} does not exist`}
    const running = CpuSet.from([...isolated].filter((cpu) => (fairServer?.get(cpu) ?? 0) > 0))
    if (running.isEmpty) return []
    const [first = 0] = running
    return [
      {
        severity: 'fail',
        subject: 'fair server',
        message: `it runs on CPU ${running} once a second`,
        cpus: running,
        expected: 'runtime 0',
        actual: `runtime ${fairServer?.get(first)} ns`,
      },
    ]
  },
  evidence: () => 'runtime 0',
  remedy: ({fairServer, refused, settings: {isolated}}) =>
    [...isolated].some((cpu) => (fairServer?.get(cpu) ?? 0) > 0 && !refused?.has(fairServerPath(cpu)))
      ? FAIR_SERVER_OFF
      : {text: 'the kernel refuses to turn it off until a boot that isolates the CPU'},
  reference: 'kernel/sched/deadline.c: dl_server_timer',
})
