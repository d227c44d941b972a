// SPDX-License-Identifier: MIT

import type {Circumstances} from '../circumstances.ts'
import type {Moved} from '../sample.ts'
import type {Cause} from './cause.ts'

export const device = (moved: Moved, {isolated}: Circumstances): Cause => {
  if (moved.class === 'other')
    return {
      id: 'unknown',
      concern: 'device',
      label: moved.name,
      sentence: `cause unknown: ${moved.label || moved.name}`,
      counts: [moved],
    }
  const actions = /^\S+\s+\d+(?:-\S+|\s+(?:Level|Edge))?\s+(.+)$/.exec(moved.label)?.[1] ?? moved.label
  return {
    id: 'device-irq',
    concern: 'device',
    label: `irq ${moved.name} (${actions})`,
    sentence: 'fired on an isolated CPU',
    remedy: {
      text: `move it to the housekeeping CPUs; one that cannot be moved needs isolcpus=managed_irq,domain,${isolated} at boot`,
      step: 'irq-affinity',
    },
    counts: [moved],
  }
}
