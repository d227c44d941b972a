// SPDX-License-Identifier: MIT
import {nodes} from '../facts/nodes.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'housekeeping-minimum',
  title: 'there are housekeeping CPUs enough',
  why: 'All interrupts, kernel threads and other programs of the machine now share the housekeeping CPUs, and so does the remote tick of every isolated one. A NUMA node without one has its memory managed from afar.',
  values: 'The CPUs that are left to the system: two, and one on each NUMA node, pass.',
  facts: {nodes, settings},
  judge({nodes, settings: {housekeeping, isolated}}) {
    const bare = [...nodes].filter(
      ([, cpus]) => !cpus.isDisjointFrom(isolated) && cpus.isDisjointFrom(housekeeping),
    )
    return [
      ...(housekeeping.size >= 2
        ? []
        : [
            {
              severity: 'warn' as const,
              message: `CPU ${housekeeping} does everything else alone`,
              expected: '2 CPUs, and one for each NUMA node',
              actual: `${housekeeping}`,
            },
          ]),
      ...bare.map(([node, cpus]) => ({
        severity: 'warn' as const,
        subject: `node ${node}`,
        message: `none of its CPUs is left to the system`,
        expected: `one of ${cpus}`,
        actual: `${housekeeping}`,
      })),
    ]
  },
  evidence: ({settings: {housekeeping}}) => `${housekeeping}`,
  remedy: {text: 'leave one more CPU to the system, and one on each NUMA node'},
  reference: 'Documentation/admin-guide/cpu-isolation.rst',
})
