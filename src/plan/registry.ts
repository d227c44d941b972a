// SPDX-License-Identifier: MIT
import type {Step} from './step.ts'
import {fairServer} from './steps/fair-server.ts'
import {irqAffinity} from './steps/irq-affinity.ts'
import {workqueueCpumask} from './steps/workqueue-cpumask.ts'

/** Every step, in the order in which they are applied. */
export const STEPS: readonly Step[] = [irqAffinity, workqueueCpumask, fairServer]

/** The steps with these ids, in the order of the registry; all of them when none is named. */
export const stepsNamed = (ids: readonly string[] | undefined): readonly Step[] =>
  ids === undefined ? STEPS : STEPS.filter(({id}) => ids.includes(id))
