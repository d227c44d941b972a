// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {everyTask, taskName, tasks} from '../facts/tasks.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'rcu-threads-moved',
  title: 'RCU threads stay on housekeeping CPUs',
  why: 'The offloaded callbacks of every CPU run in rcuo threads, and grace periods in rcu_preempt. If these threads may run on an isolated CPU, the offload has no effect.',
  values: 'The CPUs on which the threads of RCU may run.',
  extended: true,
  facts: {everyTask, settings, tasks},
  judge: ({settings, tasks}) =>
    tasks
      .filter(({kernel, fixed, comm}) => kernel && !fixed && /^rcu/.test(comm))
      .flatMap((task) =>
        reaching(task.allowed, settings, {
          severity: 'fail',
          subject: taskName(task),
          says: (open) => `could run on CPU ${open}`,
        }),
      ),
  evidence: ({everyTask}) => `${everyTask.filter(({comm}) => /^rcu/.test(comm)).length} RCU threads`,
  remedy: {text: 'move them to the housekeeping CPUs', step: 'rcu-kthreads'},
  reference: 'Documentation/admin-guide/kernel-per-CPU-kthreads.rst',
})
