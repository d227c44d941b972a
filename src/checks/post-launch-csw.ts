// SPDX-License-Identifier: MIT
import {taskName} from '../facts/tasks.ts'
import {formatSeconds} from '../measure/disturbances.ts'
import {probe, watched} from '../measure/watch.ts'
import {takenFrom, workload} from '../measure/workload.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'post-launch-csw',
  title: 'running programs are not switched out',
  why: 'The kernel counts how often it takes the CPU from each thread. For a launched program this count must not change.',
  values:
    'How often the kernel took the CPU from each thread in the window (nonvoluntary_ctxt_switches). 0 passes.',
  facts: {probe, takenFrom, watched, workload},
  skip: ({probe, workload}) =>
    workload.length === 0
      ? 'no program has been put on isolated CPUs yet'
      : probe.spin
        ? 'our own spinners share its CPU; --passive watches the program alone'
        : undefined,
  judge({takenFrom: {seconds, times}, workload}) {
    const findings = workload.flatMap((thread) => {
      const taken = times.get(thread.tid) ?? 0
      if (taken === 0) return []
      return [
        {
          severity: 'fail' as const,
          subject: taskName(thread),
          message: 'the kernel took the CPU from it',
          cpus: thread.allowed,
          expected: `0 times in ${formatSeconds(seconds)}`,
          actual: `${taken} times`,
        },
      ]
    })
    if (findings.length === 0 && times.size === 0) return {unknown: 'every thread ended while it was watched'}
    return findings
  },
  evidence: ({takenFrom: {seconds, times}}) => `${times.size} threads, 0 times in ${formatSeconds(seconds)}`,
  remedy: {text: 'stray-tasks-present and kthread-percpu-quiet name the tasks that ran'},
  reference: 'proc(5), /proc/pid/status: nonvoluntary_ctxt_switches',
})
