// SPDX-License-Identifier: MIT
import {optional} from '../facts/fact.ts'
import {irqs} from '../facts/irqs.ts'
import {settings} from '../facts/settings.ts'
import {everyTask, taskName, tasks} from '../facts/tasks.ts'
import {isIrqThread, kthreadRemedy} from '../measure/remedies/kthread.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'irq-threads',
  title: 'interrupt threads stay on housekeeping CPUs',
  why: 'The thread of an interrupt takes over the affinity of its interrupt when that next fires. To move the thread does not move the interrupt.',
  values: 'The CPUs on which the thread of an interrupt may run. It follows its interrupt.',
  extended: true,
  facts: {everyTask, irqs: optional(irqs), settings, tasks},
  judge: ({irqs, settings, tasks}) =>
    tasks
      .filter(({kernel, comm}) => kernel && isIrqThread(comm))
      .flatMap((task) =>
        reaching(task.allowed, settings, {
          severity: 'warn',
          subject: taskName(task),
          says: (open) => `could run on CPU ${open}`,
          remedy: kthreadRemedy(task.comm, settings.isolated, irqs),
        }),
      ),
  evidence: ({everyTask}) => `${everyTask.filter(({comm}) => isIrqThread(comm)).length} interrupt threads`,
  reference: 'kernel/irq/manage.c: irq_thread_check_affinity',
})
