// SPDX-License-Identifier: MIT
import {atLeast, kernel} from '../../facts/kernel.ts'
import {settings} from '../../facts/settings.ts'
import {RT_RUNTIME, rtRuntimeUs} from '../../facts/sysctls.ts'
import {defineStep} from '../step.ts'

export const rtThrottle = defineStep({
  id: 'rt-throttle',
  check: 'rt-throttle',
  title: () => 'Lift the limit for real-time programs',
  blast: 'a real-time program that never sleeps starves everything else on its CPU, on every CPU',
  facts: {kernel, settings, rtRuntimeUs},
  plan({kernel, settings: {policy}, rtRuntimeUs}) {
    // From 6.12 the fair server does this work; the file must not even be read there (see rtRuntimeUs).
    const matters = policy.kind === 'fifo' && !atLeast(kernel, 6, 12)
    if (!matters || rtRuntimeUs === undefined || rtRuntimeUs === -1) return {changes: []}
    return {changes: [{kind: 'set', path: RT_RUNTIME, from: `${rtRuntimeUs}`, to: '-1'}]}
  },
})
