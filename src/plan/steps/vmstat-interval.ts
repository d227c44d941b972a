// SPDX-License-Identifier: MIT
import {atLeast, kernel} from '../../facts/kernel.ts'
import {STAT_INTERVAL, statInterval} from '../../facts/sysctls.ts'
import {defineStep} from '../step.ts'

/** Seconds. Rare enough not to disturb; only people who look at the counters need them folded. */
const RARELY = 3600

export const vmstatInterval = defineStep({
  id: 'vmstat-interval',
  check: 'vmstat',
  title: () => `Update memory statistics every ${RARELY} s`,
  blast: 'the counters of /proc/vmstat are up to one hour old',
  facts: {kernel, statInterval},
  plan({kernel, statInterval}) {
    // Since 6.5 the kernel skips isolated CPUs (mm/vmstat.c: vmstat_shepherd).
    if (atLeast(kernel, 6, 5) || statInterval >= RARELY) return {changes: []}
    return {changes: [{kind: 'set', path: STAT_INTERVAL, from: `${statInterval}`, to: `${RARELY}`}]}
  },
})
