// SPDX-License-Identifier: MIT
import {knob} from './knob.ts'

/** "always [madvise] never" (Documentation/admin-guide/mm/transhuge.rst). */
export const transparentHugePages = knob('thp', '/sys/kernel/mm/transparent_hugepage/enabled')

/** 1 while ksmd merges pages, 0 when it stopped, 2 when it also took all of it back (Documentation/admin-guide/mm/ksm.rst). */
export const samePageMerging = knob('ksm', '/sys/kernel/mm/ksm/run')

/** 0: off (Documentation/admin-guide/sysctl/kernel.rst). */
export const numaBalancing = knob('numa-balancing', '/proc/sys/kernel/numa_balancing')

/** 0: no compaction before somebody asks for a large page (Documentation/admin-guide/sysctl/vm.rst). */
export const proactiveCompaction = knob('compaction-proactiveness', '/proc/sys/vm/compaction_proactiveness')

/** 1: compaction also moves locked pages, and the program takes a fault on each (Documentation/admin-guide/sysctl/vm.rst). */
export const compactLocked = knob('compact-unevictable', '/proc/sys/vm/compact_unevictable_allowed')

/** Files and devices in use for swapping: one line each, below a heading (mm/swapfile.c: swap_show). */
export const swaps = knob('swaps', '/proc/swaps')
