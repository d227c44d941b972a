// SPDX-License-Identifier: MIT
import {everyTask, taskName} from '../facts/tasks.ts'
import {defineCheck} from './check.ts'

/** Daemons that set what isolctl sets, by their names in /proc, and what they do. */
const TUNERS: Readonly<Record<string, string>> = {
  tuned: 'sets affinities, sysctls and boot arguments of its profile, and takes them back when it stops',
  numad: 'moves programs and their memory between NUMA nodes',
  stalld: 'boosts starving threads on every CPU, isolated ones as well',
  'auto-cpufreq': 'sets governors and energy preferences',
  'power-profiles-': 'sets energy preferences',
  cgrulesengd: 'moves programs between control groups',
}

export default defineCheck({
  id: 'competing-tuners',
  title: 'no other tuning daemon is at work',
  why: "Two programs that set the same things undo each other's work, and neither reports it. irqbalance has a check of its own.",
  values:
    'Each finding is a daemon that runs, and what it sets. It may set other values tomorrow than today.',
  facts: {everyTask},
  judge: ({everyTask}) =>
    everyTask
      .filter(({pid, tid, comm}) => pid === tid && Object.hasOwn(TUNERS, comm))
      .map((task) => ({
        severity: 'warn',
        subject: taskName(task),
        message: TUNERS[task.comm] ?? '',
        remedy: {
          text: 'stop it, or skip the steps of apply that set the same',
          command: `systemctl disable --now ${task.comm}`,
        },
      })),
  evidence: () => 'none runs',
  reference: 'tuned-adm(8)',
})
