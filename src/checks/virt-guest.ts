// SPDX-License-Identifier: MIT
import {guest} from '../facts/guest.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'virt-guest',
  title: 'this is not a virtual machine',
  why: 'A guest cannot see what its host does. An exit to the hypervisor stops the program, and no counter of the guest shows it.',
  values:
    'The sign of the hypervisor. In a virtual machine the counts are right, but the host can interrupt a CPU without a count.',
  facts: {guest},
  judge: ({guest}) =>
    guest === undefined
      ? []
      : [
          {
            severity: 'warn',
            message: `virtual machine: ${guest}; interruptions by the host cannot be seen`,
          },
        ],
  remedy: {text: 'measure on bare metal, or isolate the host as well and pin its virtual CPUs'},
  reference: 'Documentation/trace/osnoise-tracer.rst',
})
