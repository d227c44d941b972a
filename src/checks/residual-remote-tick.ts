// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {workqueues} from '../facts/workqueues.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'residual-remote-tick',
  title: 'the remote tick runs on housekeeping CPUs',
  why: 'Once a second the scheduler looks after each CPU whose tick is stopped, from an unbound worker. Where such workers may run on isolated CPUs, one of these is interrupted on behalf of another.',
  values:
    'CPUs of the unbound workqueues: the remote tick of isolated CPUs is work of theirs, once a second for each.',
  extended: true,
  facts: {settings, workqueues},
  judge: ({settings, workqueues: {cpumask}}) =>
    reaching(cpumask, settings, {
      severity: 'fail',
      subject: 'remote tick',
      says: (open) => `may run on CPU ${open}`,
    }),
  evidence: ({workqueues: {cpumask}}) => `${cpumask}`,
  remedy: {text: 'keep unbound workers off', step: 'workqueue-cpumask'},
  reference: 'kernel/sched/core.c: sched_tick_remote',
})
