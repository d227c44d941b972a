// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {everyTask, taskName, tasks} from '../facts/tasks.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'rcu-threads-moved',
  title: 'RCU threads stay on housekeeping CPUs',
  why: 'Offloaded callbacks of every CPU run in rcuo threads, and grace periods in rcu_preempt: where these may run on an isolated CPU the offload has brought nothing.',
  values: 'CPUs that the threads of RCU may run on.',
  extended: true,
  facts: {everyTask, settings, tasks},
  judge: ({settings: {isolated, housekeeping}, tasks}) =>
    tasks
      .filter(({kernel, fixed, comm}) => kernel && !fixed && /^rcu/.test(comm))
      .map((task) => ({
        severity: 'fail',
        subject: taskName(task),
        message: `could run on CPU ${task.allowed.intersect(isolated)}`,
        cpus: task.allowed.intersect(isolated),
        expected: `${housekeeping}`,
        actual: `${task.allowed}`,
      })),
  evidence: ({everyTask}) => `${everyTask.filter(({comm}) => /^rcu/.test(comm)).length} RCU threads`,
  remedy: {text: 'move them', command: 'isolctl apply --only rcu-kthreads'},
  reference: 'Documentation/admin-guide/kernel-per-CPU-kthreads.rst',
})
