// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {workqueues} from '../facts/workqueues.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'residual-remote-tick',
  title: 'the remote tick runs on housekeeping CPUs',
  why: 'An unbound worker runs the scheduler tick, once a second, for each CPU whose own tick is stopped. If these workers may run on isolated CPUs, one of them is interrupted on behalf of another.',
  values: 'The CPUs of the unbound workqueues. They run the remote tick of each isolated CPU once a second.',
  extended: true,
  facts: {settings, workqueues},
  judge: ({settings, workqueues: {cpumask}}) =>
    reaching(cpumask, settings, {
      severity: 'fail',
      subject: 'remote tick',
      says: (open) => `may run on CPU ${open}`,
    }),
  evidence: ({workqueues: {cpumask}}) => `${cpumask}`,
  remedy: {text: 'keep unbound workers off the isolated CPUs', step: 'workqueue-cpumask'},
  reference: 'kernel/sched/core.c: sched_tick_remote',
})
