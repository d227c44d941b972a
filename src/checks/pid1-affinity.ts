// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {everyTask} from '../facts/tasks.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'pid1-affinity',
  title: 'the first process stays on housekeeping CPUs',
  why: 'A program inherits its affinity from the process that starts it, and all of them descend from PID 1.',
  values: 'The CPUs on which the first process may run. Everything that it starts begins there.',
  facts: {everyTask, settings},
  judge({everyTask, settings}) {
    const init = everyTask.find(({pid, tid}) => pid === 1 && tid === 1)
    if (init === undefined) return {unknown: '/proc/1 cannot be seen'}
    return reaching(init.allowed, settings, {
      severity: 'warn',
      subject: `${init.comm} [1]`,
      says: (open) => `it, and every program it starts, may run on CPU ${open}`,
    })
  },
  evidence: ({everyTask}) => `${everyTask.find(({pid, tid}) => pid === 1 && tid === 1)?.allowed}`,
  remedy: ({settings: {housekeeping}}) => ({
    text: `set CPUAffinity=${housekeeping} in /etc/systemd/system.conf, which holds from the next boot on; until then`,
    command: `taskset -cp ${housekeeping} 1`,
  }),
  reference: 'systemd-system.conf(5), CPUAffinity=',
})
