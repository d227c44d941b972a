// SPDX-License-Identifier: MIT
import {settings} from '../../facts/settings.ts'
import {tasks} from '../../facts/tasks.ts'
import {defineStep} from '../step.ts'
import {moveThreads} from '../threads.ts'
import {isRcu} from './kthread-affinity.ts'

export const rcuKthreads = defineStep({
  id: 'rcu-kthreads',
  check: 'kthread-unbound-affinity',
  title: ({housekeeping}) => `Move RCU threads to housekeeping CPUs ${housekeeping}`,
  blast: 'housekeeping CPUs run the RCU callbacks of the isolated CPUs; nothing waits for them',
  facts: {settings, tasks},
  plan: ({settings, tasks}) => ({
    changes: moveThreads(
      tasks.filter(({comm}) => isRcu(comm)),
      settings,
    ),
  }),
})
