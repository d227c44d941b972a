// SPDX-License-Identifier: MIT

import type {Remedy} from '../../model/finding.ts'
import type {Circumstances} from '../circumstances.ts'
import {irqRemedy} from '../remedies/irq.ts'
import type {Moved} from '../sample.ts'
import type {Cause} from './cause.ts'

export const device = (moved: Moved, facts: Circumstances): Cause => {
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
    remedy: remedyOf(Number(moved.name), facts),
    counts: [moved],
  }
}

function remedyOf(number: number, {irqs, irqState, isolated}: Circumstances): Remedy {
  const irq = irqs?.find((each) => each.irq === number)
  return irq && irqState
    ? irqRemedy(irq, isolated, irqState)
    : {text: 'move it to the housekeeping CPUs', step: 'irq-affinity'}
}
