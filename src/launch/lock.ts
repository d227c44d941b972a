// SPDX-License-Identifier: MIT
/**
 * What `--enter settle` locks of the program's memory before it isolates a thread: nothing, what is
 * resident (mlock2 with MLOCK_ONFAULT), or everything that is mapped (mlockall), which makes every
 * mapping present. native/launch/lock.h.
 */
export type Lock = (typeof LOCKS)[number]
export const LOCKS = ['none', 'resident', 'all'] as const

/** The argument of isol-exec; none for its default. Pure. */
export const lockArgument = (lock: Lock): readonly string[] => (lock === 'none' ? [] : [`--lock=${lock}`])
