// SPDX-License-Identifier: MIT
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'housekeeping-minimum',
  title: 'there are housekeeping CPUs enough',
  why: 'All interrupts, kernel threads and other programs of the machine now share the housekeeping CPUs, and so does the remote tick of every isolated one.',
  facts: {settings},
  judge: ({settings: {housekeeping}}) =>
    housekeeping.size >= 2
      ? []
      : [
          {
            severity: 'warn',
            message: `CPU ${housekeeping} does everything else alone`,
            expected: '2 CPUs, and one for each NUMA node',
            actual: `${housekeeping}`,
          },
        ],
  evidence: ({settings: {housekeeping}}) => `${housekeeping}`,
  remedy: {text: 'leave one more CPU to the system'},
  reference: 'Documentation/admin-guide/cpu-isolation.rst',
})
