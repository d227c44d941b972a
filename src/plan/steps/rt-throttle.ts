// SPDX-License-Identifier: MIT
import {atLeast, kernel} from '../../facts/kernel.ts'
import {settings} from '../../facts/settings.ts'
import {RT_RUNTIME, rtRuntimeUs} from '../../facts/sysctls.ts'
import {defineStep} from '../step.ts'

export const rtThrottle = defineStep({
  id: 'rt-throttle',
  check: 'rt-throttle',
  title: () => 'Turn off real-time throttling',
  blast: 'on every CPU, a real-time program that never sleeps starves all other tasks of its CPU',
  facts: {kernel, settings, rtRuntimeUs},
  plan({kernel, settings: {policy}, rtRuntimeUs}) {
    // Since 6.12 the fair server replaces the throttling, and the file must not even be read (see
    // rtRuntimeUs).
    const matters = policy.kind === 'fifo' && !atLeast(kernel, 6, 12)
    if (!matters || rtRuntimeUs === undefined || rtRuntimeUs === -1) return {changes: []}
    return {changes: [{kind: 'set', path: RT_RUNTIME, from: `${rtRuntimeUs}`, to: '-1'}]}
  },
})
