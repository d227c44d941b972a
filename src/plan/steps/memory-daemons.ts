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
  title: () => 'Turn off background memory management',
  blast:
    'on the whole machine: only programs that request huge pages get them, and pages are not moved or merged',
  facts: {transparentHugePages, samePageMerging, numaBalancing, proactiveCompaction, compactLocked},
  plan({transparentHugePages: thp, samePageMerging: ksm, numaBalancing, proactiveCompaction, compactLocked}) {
    return {
      changes: [
        // To build huge pages, the kernel changes the page tables of running programs and
        // interrupts every CPU they ran on.
        ...(thp && chosen(thp.text) === 'always' ? turn(thp, 'madvise', 'choice') : []),
        ...(ksm?.text === '1' ? turn(ksm, '0') : []),
        ...turn(numaBalancing, '0'),
        ...turn(proactiveCompaction, '0'),
        ...turn(compactLocked, '0'),
      ],
    }
  },
})
