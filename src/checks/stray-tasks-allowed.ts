// SPDX-License-Identifier: MIT
import {bootIsolated} from '../facts/cpus.ts'
import {partitioned} from '../facts/cpuset-partitions.ts'
import {optional} from '../facts/fact.ts'
import {pmdCpus} from '../facts/open-vswitch.ts'
import {programs} from '../facts/programs.ts'
import {settings} from '../facts/settings.ts'
import {everyTask, grouped, taskName, tasks} from '../facts/tasks.ts'
import {programRemedy} from '../measure/remedies/program.ts'
import {CpuSet} from '../model/cpuset.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'stray-tasks-allowed',
  title: 'no other program may run on an isolated CPU',
  why: 'A program whose affinity includes an isolated CPU can run there at any time. This check says what could run, not what ran.',
  values:
    'The CPUs on which the thread may run. A warning says that it could run there; stray-tasks-present says whether it did.',
  facts: {
    bootIsolated,
    everyTask,
    partitioned: optional(partitioned),
    pmdCpus: optional(pmdCpus),
    programs,
    settings,
    tasks,
  },
  judge({bootIsolated, partitioned, pmdCpus, programs, settings, tasks}) {
    const {isolated, housekeeping} = settings
    const balanced = isolated.minus(bootIsolated.union(partitioned ?? CpuSet.empty))
    const users = tasks.filter(({kernel}) => !kernel)
    const whole = isolated.union(housekeeping)
    // The scheduler balances no task onto a domain-isolated CPU. A task with a mask of all CPUs
    // runs there only after it set its affinity.
    const everywhere = grouped((allowed) => whole.isSubsetOf(allowed))
    const anywhere = users.filter(({allowed}) => everywhere(allowed))
    const named = users.filter(({pid, allowed}) => !everywhere(allowed) && !programs.get(pid)?.meant)
    return [
      ...(balanced.isEmpty || anywhere.length === 0
        ? []
        : [
            {
              severity: 'warn' as const,
              message: `${anywhere.length} threads could run on CPU ${balanced}, which takes part in load balancing`,
              cpus: balanced,
              remedy: {text: 'see isolcpus-effective'},
            },
          ]),
      ...named.flatMap((task) =>
        reaching(task.allowed, settings, {
          severity: 'warn',
          subject: taskName(task),
          says: (open) => `could run on CPU ${open}`,
          remedy: programRemedy(task, {owner: programs.get(task.pid)?.owner, pmdCpus, housekeeping}),
        }),
      ),
    ]
  },
  evidence: ({everyTask}) => `${everyTask.length} threads looked at`,
  reference: 'kernel/sched/syscalls.c: sched_setaffinity',
})
