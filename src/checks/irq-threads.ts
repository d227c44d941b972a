// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {everyTask, taskName, tasks} from '../facts/tasks.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'irq-threads',
  title: 'interrupt threads stay on housekeeping CPUs',
  why: 'The thread of an interrupt follows its affinity when it next fires. Moving the thread does not move the interrupt.',
  values: 'CPUs that the thread of an interrupt may run on. It follows its interrupt.',
  extended: true,
  facts: {everyTask, settings, tasks},
  judge: ({settings, tasks}) =>
    tasks
      .filter(({kernel, comm}) => kernel && /^irq\/\d+-/.test(comm))
      .flatMap((task) =>
        reaching(task.allowed, settings, {
          severity: 'warn',
          subject: taskName(task),
          says: (open) => `could run on CPU ${open}`,
        }),
      ),
  evidence: ({everyTask}) =>
    `${everyTask.filter(({comm}) => /^irq\/\d+-/.test(comm)).length} interrupt threads`,
  remedy: {text: 'move their interrupts', step: 'irq-affinity'},
  reference: 'kernel/irq/manage.c: irq_thread_check_affinity',
})
