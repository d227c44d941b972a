// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {clocksource} from '../facts/platform.ts'
import {defineCheck} from './check.ts'

/** Clock sources that no watchdog compares with another. */
const OTHERS =
  /^(hpet|acpi_pm|pit|jiffies|refined-jiffies|kvm-clock|xen|hyperv_\w+|arch_\w+|timebase|riscv_clocksource|tod|\S*timer\S*)$/

export default defineCheck({
  id: 'clocksource-watchdog-off',
  title: 'the clock source watchdog is off',
  why: 'If the kernel does not trust the TSC, it compares it with another clock every half second, each time on the next online CPU, isolated or not. Newer kernels trust the TSC of most small machines.',
  values:
    'tsc=reliable and tsc=nowatchdog pass. A warning does not mean that the watchdog runs: on some machines the kernel turns it off without an argument.',
  facts: {clocksource, cmdline},
  skip: ({clocksource}) => (OTHERS.test(clocksource) ? `the clock source is ${clocksource}` : undefined),
  judge: ({clocksource, cmdline}) =>
    clocksource !== 'tsc'
      ? {unknown: `it is not known whether a watchdog compares the clock source ${clocksource} with another`}
      : valuesOf(cmdline, 'tsc').some((value) => value === 'reliable' || value === 'nowatchdog')
        ? []
        : [
            {
              severity: 'warn',
              message: 'nothing rules the clock source watchdog out: neither tsc=reliable nor tsc=nowatchdog',
            },
          ],
  evidence: ({cmdline}) => `tsc=${valuesOf(cmdline, 'tsc').join(',')}`,
  remedy: {text: 'boot with tsc=reliable where the TSC is known to be good'},
  reference: 'kernel/time/clocksource.c: clocksource_watchdog',
})
