// SPDX-License-Identifier: MIT
import {
  compactLocked,
  numaBalancing,
  proactiveCompaction,
  samePageMerging,
  transparentHugePages,
} from '../../facts/memory.ts'
import {chosen} from '../../model/change.ts'
import {defineStep} from '../step.ts'
import {turn} from '../turn.ts'

export const memoryDaemons = defineStep({
  id: 'memory-daemons',
  check: 'memory-daemons',
  title: () => 'Keep the kernel from rearranging memory by itself',
  blast:
    'for the whole machine: huge pages go to programs that ask for them only, and pages stay where they are',
  facts: {transparentHugePages, samePageMerging, numaBalancing, proactiveCompaction, compactLocked},
  plan({transparentHugePages: thp, samePageMerging: ksm, numaBalancing, proactiveCompaction, compactLocked}) {
    return {
      changes: [
        // Collapsing into huge pages changes page tables under a running program, and tells every CPU it ran on.
        ...(thp && chosen(thp.text) === 'always' ? turn(thp, 'madvise', 'choice') : []),
        ...(ksm?.text === '1' ? turn(ksm, '0') : []),
        ...turn(numaBalancing, '0'),
        ...turn(proactiveCompaction, '0'),
        ...turn(compactLocked, '0'),
      ],
    }
  },
})
