// SPDX-License-Identifier: MIT
import {clocksource} from '../facts/platform.ts'
import {defineCheck} from './check.ts'

/** The architecture's own counters: readable by user space, the same on every CPU. */
const STABLE = new Set(['tsc', 'arch_sys_counter', 'timebase', 'riscv_clocksource', 'tod'])

export default defineCheck({
  id: 'clocksource-tsc',
  title: 'time comes from the stable CPU counter',
  why: 'Without a stable TSC, the tick corrects the scheduler clock and therefore never stops. Reading the time then enters the kernel.',
  values:
    'tsc, or the counter of another architecture, passes. hpet, acpi_pm and jiffies fail: they are slow and keep the tick on.',
  facts: {clocksource},
  judge: ({clocksource}) =>
    STABLE.has(clocksource)
      ? []
      : [
          {
            severity: 'fail',
            subject: '/sys/devices/system/clocksource/clocksource0/current_clocksource',
            message: `the clock source is ${clocksource}`,
            expected: 'tsc',
            actual: clocksource,
          },
        ],
  evidence: ({clocksource}) => clocksource,
  remedy: {
    text: 'the kernel log says why the TSC was rejected',
    command: 'dmesg | grep -i tsc',
  },
  reference: 'kernel/sched/clock.c',
})
