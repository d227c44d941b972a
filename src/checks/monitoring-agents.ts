// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {everyTask, taskName, tasks} from '../facts/tasks.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

/** Names as in /proc/PID/comm, at most 15 characters. */
const AGENTS =
  /^(netdata|apps\.plugin|telegraf|collectd|node_exporter|zabbix_agentd|datadog-agent|osqueryd|falco|pmcd|pmdalinux|atop|sysstat|sadc|perf|bpftrace)/

export default defineCheck({
  id: 'monitoring-agents',
  title: 'monitoring agents keep off isolated CPUs',
  why: 'Some agents run a thread on every CPU to measure it. The thread disturbs the CPU that it measures.',
  values: 'The CPUs on which the agent may run.',
  extended: true,
  facts: {everyTask, settings, tasks},
  judge({everyTask, settings, tasks}) {
    const agents = new Set(
      everyTask.filter(({pid, tid, comm}) => pid === tid && AGENTS.test(comm)).map(({pid}) => pid),
    )
    return tasks
      .filter(({kernel, pid}) => !kernel && agents.has(pid))
      .flatMap((task) =>
        reaching(task.allowed, settings, {
          severity: 'warn',
          subject: taskName(task),
          says: (open) => `may run on CPU ${open}`,
        }),
      )
  },
  evidence: ({everyTask}) =>
    `${everyTask.filter(({pid, tid, comm}) => pid === tid && AGENTS.test(comm)).length} agents`,
  remedy: ({settings: {housekeeping}}) => ({
    text: `give its service AllowedCPUs=${housekeeping}, and turn per-CPU threads off in its settings`,
  }),
  reference: 'systemd.resource-control(5), AllowedCPUs=',
})
