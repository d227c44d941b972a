// SPDX-License-Identifier: MIT
import {atLeast, kernel} from '../facts/kernel.ts'
import {settings} from '../facts/settings.ts'
import {rtRuntimeUs} from '../facts/sysctls.ts'
import {defineCheck} from './check.ts'

const PATH = '/proc/sys/kernel/sched_rt_runtime_us'

export default defineCheck({
  id: 'rt-throttle',
  title: 'real-time throttling does not apply',
  why: 'Before Linux 6.12, a timer interrupts every SCHED_FIFO task once a second, and takes the CPU from it after 0.95 s. Since 6.12 the fair server replaces it.',
  values: 'The microseconds of each second that real-time programs may use. -1 is no limit.',
  facts: {kernel, rtRuntimeUs, settings},
  skip: ({kernel, settings: {policy}}) =>
    policy.kind === 'other'
      ? 'programs are launched under SCHED_OTHER'
      : atLeast(kernel, 6, 12)
        ? 'this kernel has the fair server instead'
        : undefined,
  judge: ({rtRuntimeUs, settings: {isolated}}) =>
    rtRuntimeUs === -1
      ? []
      : [
          {
            severity: 'fail',
            subject: PATH,
            message: 'a timer interrupts SCHED_FIFO programs and throttles them',
            cpus: isolated,
            expected: '-1',
            actual: `${rtRuntimeUs}`,
          },
        ],
  evidence: () => 'no limit',
  remedy: {text: 'lift the limit for real-time tasks', step: 'rt-throttle'},
  reference: 'kernel/sched/rt.c: sched_rt_period_timer',
})
