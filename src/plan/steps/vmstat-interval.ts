// SPDX-License-Identifier: MIT
import {atLeast, kernel} from '../../facts/kernel.ts'
import {STAT_INTERVAL, statInterval} from '../../facts/sysctls.ts'
import {defineStep} from '../step.ts'

/** Seconds. Rare enough to be no disturbance; the counters it folds in are for people who look at them. */
const RARELY = 3600

export const vmstatInterval = defineStep({
  id: 'vmstat-interval',
  check: 'vmstat',
  title: () => `Fold memory statistics once in ${RARELY} s`,
  blast: 'the counters of /proc/vmstat lag behind by up to an hour',
  facts: {kernel, statInterval},
  plan({kernel, statInterval}) {
    // Since 6.5 isolated CPUs are left out (mm/vmstat.c: vmstat_shepherd).
    if (atLeast(kernel, 6, 5) || statInterval >= RARELY) return {changes: []}
    return {changes: [{kind: 'set', path: STAT_INTERVAL, from: `${statInterval}`, to: `${RARELY}`}]}
  },
})
