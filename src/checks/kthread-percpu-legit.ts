// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {everyTask, taskName, tasks} from '../facts/tasks.ts'
import {defineCheck} from './check.ts'

/**
 * Every kernel has these, one per CPU, with the number of the CPU after the slash (kernel/smpboot.c
 * and its users; those of PREEMPT_RT).
 */
const KNOWN =
  /^(cpuhp|migration|ksoftirqd|rcuc|rcub|rcuo[gps]|ktimers|ktimersoftd|backlog_napi|irq_work|idle_inject|watchdog|posixcputmr|stopper|cpu-stop|kworker)\/\d/

export default defineCheck({
  id: 'kthread-percpu-legit',
  title: 'only known kernel threads are bound there',
  why: 'Each CPU has a few kernel threads of its own, which sleep on an isolated CPU. Third-party modules bind other threads to CPUs, and these run when their module needs them.',
  values:
    'A thread that is bound to an isolated CPU and that no known part of the kernel starts there: a driver or a module started it.',
  facts: {everyTask, settings, tasks},
  judge: ({settings: {isolated}, tasks}) =>
    tasks
      .filter(
        ({kernel, fixed, worker, allowed, comm}) =>
          kernel && fixed && !worker && allowed.isSubsetOf(isolated) && !KNOWN.test(comm),
      )
      .map((task) => ({
        severity: 'warn',
        subject: taskName(task),
        message: `bound to CPU ${task.allowed}, and not one of the kernel's own`,
        cpus: task.allowed,
      })),
  evidence: ({everyTask}) => `${everyTask.length} threads looked at`,
  remedy: {text: 'find the module that started it (ps, /proc/modules), and configure or unload it'},
  reference: 'kernel/smpboot.c: smpboot_register_percpu_thread',
})
