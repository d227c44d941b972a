// SPDX-License-Identifier: MIT

import {settings} from '../facts/settings.ts'
import {disturbancesUnderLoad, formatSeconds} from '../measure/disturbances.ts'
import {busy, type Watch} from '../measure/watch.ts'
import {breakHelp, breakSentence} from '../model/break-words.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Finding} from '../model/finding.ts'
import {isIsolated} from '../model/isolation-record.ts'
import {defineCheck} from './check.ts'

/** With --isolate, the kernel records what ended the isolation of a spinner. */
const isolationLost = ({cpus}: Watch): readonly Finding[] =>
  cpus.flatMap(({cpu, isolation}) => {
    if (isolation === undefined || isIsolated(isolation)) return []
    const finding = {severity: 'fail', subject: 'task isolation', cpus: CpuSet.of(cpu)} as const
    if (isolation.state !== 'lost') {
      const message = `never began on CPU ${cpu}: the kernel refused it for ${isolation.eagain}`
      return [{...finding, message}]
    }
    const message = `the kernel ended it on CPU ${cpu}: ${breakSentence(isolation)}`
    return [{...finding, message, remedy: {text: breakHelp(isolation)}}]
  })

export default defineCheck({
  id: 'tick-stopped-under-load',
  title: 'the tick is stopped while a task spins',
  why: 'An idle CPU always shows its tick as stopped, so only a busy CPU proves anything. A spinner runs on every isolated CPU under the scheduling policy of the programs, and a housekeeping CPU counts its timer interrupts.',
  values:
    'The interrupts of each kind in the window, by the name of their row in /proc/interrupts. LOC is the timer. 0 passes, and 1 fails. CONFIG_HZ interrupts a second are the tick; the finding names the cause of fewer.',
  facts: {busy, disturbances: disturbancesUnderLoad, settings},
  proof: true,
  active: true,
  judge({busy, disturbances}) {
    const unwatched = busy.cpus.filter(({gaps}) => (gaps?.iterations ?? 0) === 0)
    if (unwatched.length > 0)
      return {unknown: `the spinner did not spin on CPU ${unwatched.map(({cpu}) => cpu).join(', ')}`}
    return [...isolationLost(busy), ...disturbances.tick]
  },
  evidence({busy, settings}) {
    const total = busy.cpus.flatMap(({interrupts}) => interrupts).reduce((sum, {count}) => sum + count, 0)
    return `${total} interrupts on ${settings.isolated} in ${formatSeconds(busy.seconds)}`
  },
  reference: 'Documentation/timers/no_hz.rst',
})
