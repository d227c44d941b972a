// SPDX-License-Identifier: MIT
import {bootIsolated, nohzFull} from '../facts/cpus.ts'
import {settings} from '../facts/settings.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'boot-cpu-not-isolated',
  title: 'the boot CPU is not isolated',
  why: 'CPU 0 has work that cannot be moved: timekeeping during boot, suspend, and some firmware. The kernel removes it from nohz_full, but not from the other masks, which then contradict each other.',
  values: 'The CPUs of isolcpus and nohz_full together. The check fails if CPU 0 is one of them.',
  facts: {bootIsolated, nohzFull, settings},
  judge: ({bootIsolated, nohzFull, settings: {isolated}}) =>
    isolated.union(bootIsolated).union(nohzFull).has(0)
      ? [
          {
            severity: 'fail',
            message: 'CPU 0 is among the isolated CPUs',
            cpus: CpuSet.of(0),
            expected: 'housekeeping',
          },
        ]
      : [],
  remedy: {text: 'leave CPU 0 out of isolcpus and nohz_full, and reboot'},
  reference: 'kernel/time/tick-sched.c: tick_nohz_init',
})
