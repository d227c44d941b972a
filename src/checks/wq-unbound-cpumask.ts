// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {WORKQUEUE_CPUMASK, workqueues} from '../facts/workqueues.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'wq-unbound-cpumask',
  title: 'unbound workqueues stay on housekeeping CPUs',
  why: 'An unbound kworker runs on any CPU of the mask, and so does the remote tick that replaces a stopped tick.',
  values: 'The CPUs on which unbound work may run.',
  facts: {settings, workqueues},
  judge: ({settings, workqueues: {cpumask}}) =>
    reaching(cpumask, settings, {
      severity: 'fail',
      subject: WORKQUEUE_CPUMASK,
      says: (open) => `the mask includes CPU ${open}`,
    }),
  evidence: ({workqueues: {cpumask}}) => `${cpumask}`,
  remedy: {text: 'remove the isolated CPUs from the mask', step: 'workqueue-cpumask'},
  reference: 'Documentation/core-api/workqueue.rst',
})
