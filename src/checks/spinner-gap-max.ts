// SPDX-License-Identifier: MIT
import {guest} from '../facts/guest.ts'
import {formatSeconds} from '../measure/disturbances.ts'
import {busy} from '../measure/watch.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'

/** What good machines show is 1 to 2 microseconds, and up to 6 with firmware (SMI). */
const LIMIT_NS = 10_000

export default defineCheck({
  id: 'spinner-gap-max',
  title: 'the spinner is not stopped for long',
  why: 'The counters show only what the kernel counts. A gap in the spinner without an interrupt comes from the firmware (SMI), a hyperthread sibling, the memory system or, in a virtual machine, the host.',
  values:
    'The microseconds in which the spinner did not run. Good machines show 1 to 2, and up to 6 with firmware interrupts. More than 10 warns.',
  facts: {busy, guest},
  active: true,
  skip: ({guest}) => (guest === undefined ? undefined : `durations mean nothing in a virtual machine`),
  judge({busy}) {
    const late = busy.cpus.filter(({gaps}) => gaps === undefined || gaps.maxGapNs > LIMIT_NS)
    return late.map(({cpu, gaps}) => ({
      severity: 'warn',
      subject: 'gap',
      message: `the spinner on CPU ${cpu} was stopped`,
      cpus: CpuSet.of(cpu),
      expected: `at most ${LIMIT_NS / 1000} us`,
      actual: gaps
        ? `${(gaps.maxGapNs / 1000).toFixed(1)} us, and ${gaps.gaps} gaps over ${gaps.thresholdNs / 1000} us`
        : 'no record',
    }))
  },
  evidence: ({busy}) =>
    `at most ${Math.max(...busy.cpus.map(({gaps}) => gaps?.maxGapNs ?? 0))} ns in ${formatSeconds(busy.seconds)}`,
  remedy: {
    text: 'if no interrupt was counted, check SMIs (turbostat), hyperthread siblings and C-states',
  },
  reference: 'Documentation/tools/rtla/rtla-hwnoise.rst',
})
