// SPDX-License-Identifier: MIT
import {integer} from './fact.ts'
import {choice, knob} from './knob.ts'

/** "always [madvise] never" (Documentation/admin-guide/mm/transhuge.rst). */
export const transparentHugePages = knob('thp', '/sys/kernel/mm/transparent_hugepage/enabled', choice)

/**
 * 1: ksmd merges pages; 0: it stopped; 2: it stopped and unmerged all pages
 * (Documentation/admin-guide/mm/ksm.rst).
 */
export const samePageMerging = knob('ksm', '/sys/kernel/mm/ksm/run', (text) => integer(text, {most: 2}))

/** 0: off (Documentation/admin-guide/sysctl/kernel.rst). */
export const numaBalancing = knob('numa-balancing', '/proc/sys/kernel/numa_balancing', (text) =>
  integer(text),
)

/** 0: no compaction before a large page is requested (Documentation/admin-guide/sysctl/vm.rst). */
export const proactiveCompaction = knob(
  'compaction-proactiveness',
  '/proc/sys/vm/compaction_proactiveness',
  (text) => integer(text, {most: 100}),
)

/**
 * 1: compaction also moves locked pages, which causes a page fault for each
 * (Documentation/admin-guide/sysctl/vm.rst).
 */
export const compactLocked = knob('compact-unevictable', '/proc/sys/vm/compact_unevictable_allowed', (text) =>
  integer(text, {most: 1}),
)

/**
 * Files and devices used for swapping: one line each, after a heading (mm/swapfile.c: swap_show).
 */
export const swaps = knob('swaps', '/proc/swaps', (text) => {
  if (!text.startsWith('Filename')) throw new Error('not a list of swap areas')
})
