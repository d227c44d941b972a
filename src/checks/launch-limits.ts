// SPDX-License-Identifier: MIT

import {optional} from '../facts/fact.ts'
import {cpuQuota, privileges} from '../facts/process.ts'
import type {Finding} from '../model/finding.ts'
import {defineCheck} from './check.ts'

/** Bytes: a small program with its libraries; launch locks everything it has. */
const ENOUGH = 256 * 1024 * 1024

export default defineCheck({
  id: 'launch-limits',
  title: 'limits leave a program its CPU and memory',
  why: 'A program that is started here inherits the limits of this shell. A CPU quota of its control group stops it in each period, and without locked memory it takes page faults.',
  values: 'The limits of this shell. max is no quota of CPU time, unlimited no limit on locked memory.',
  extended: true,
  facts: {cpuQuota: optional(cpuQuota), privileges},
  judge({cpuQuota, privileges: {ipcLock, memlock}}) {
    const findings: Finding[] = []
    if (cpuQuota)
      findings.push({
        severity: 'fail',
        subject: cpuQuota.cgroup,
        message: 'programs that are started here have a CPU quota',
        expected: 'max',
        actual: `${cpuQuota.quotaUs} of ${cpuQuota.periodUs} us`,
        remedy: {text: 'remove CPUQuota from the unit, or start the program from another unit'},
      })
    if (!ipcLock && memlock < ENOUGH)
      findings.push({
        severity: 'warn',
        subject: 'RLIMIT_MEMLOCK',
        message: 'little memory may be locked',
        expected: 'unlimited',
        actual: `${memlock} bytes`,
        remedy: {text: 'raise the limit', command: 'ulimit -l unlimited'},
      })
    return findings
  },
  reference: 'setrlimit(2), Documentation/admin-guide/cgroup-v2.rst: cpu.max',
})
