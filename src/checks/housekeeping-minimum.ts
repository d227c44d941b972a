// SPDX-License-Identifier: MIT
import {nodes} from '../facts/nodes.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'housekeeping-minimum',
  title: 'there are enough housekeeping CPUs',
  why: 'All interrupts, kernel threads and other programs share the housekeeping CPUs, and so does the remote tick of every isolated CPU. The memory of a NUMA node without a housekeeping CPU is managed from another node.',
  values: 'The housekeeping CPUs. Two, with one on each NUMA node that has isolated CPUs, pass.',
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
              message: housekeeping.isEmpty
                ? 'there is no housekeeping CPU'
                : `CPU ${housekeeping} is the only housekeeping CPU`,
              expected: '2 CPUs, and one for each NUMA node',
              actual: `${housekeeping}`,
            },
          ]),
      ...bare.map(([node, cpus]) => ({
        severity: 'warn' as const,
        subject: `node ${node}`,
        message: 'none of its CPUs is a housekeeping CPU',
        expected: `one of ${cpus}`,
        actual: `${housekeeping}`,
      })),
    ]
  },
  evidence: ({settings: {housekeeping}}) => `${housekeeping}`,
  remedy: {text: 'isolate fewer CPUs: keep two for housekeeping, and one on each NUMA node'},
  reference: 'Documentation/admin-guide/cpu-isolation.rst',
})
