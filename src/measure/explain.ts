// SPDX-License-Identifier: MIT
import type {Cause} from './causes/cause.ts'
import {causesOf} from './causes/ladder.ts'
import type {Circumstances} from './circumstances.ts'
import type {CpuMovement} from './counters.ts'

/** Why a CPU did not run its spinner, or what it may have been. */
export interface Explanation {
  /** Stable: the id of a cause, "stopped", "hypervisor", "one-of", or "unexplained". */
  readonly id: string
  readonly label: string
  readonly sentence: string
  readonly help?: string
}

/** Nothing that the machine counts moved in the interval, or less often than there were gaps. */
const UNEXPLAINED: Explanation = {
  id: 'unexplained',
  label: 'not explained',
  sentence: 'no counter of the kernel accounts for it: the hardware, firmware or a hypervisor took the CPU',
  help: 'look for firmware with: rtla hwnoise, or hwlatdetect; in a virtual machine, look at the host',
}

const STOPPED: Explanation = {
  id: 'stopped',
  label: 'spinner stopped',
  sentence: 'the spinner itself was stopped: by a signal, a debugger or the freezer of a cgroup',
  help: 'measure again without it',
}

const STOLEN: Explanation = {
  id: 'hypervisor',
  label: 'hypervisor',
  sentence: 'the hypervisor ran something else (steal time)',
  help: 'pin the virtual CPUs on the host, or measure on the host',
}

/** Steal is counted in ticks of 10 ms. */
const STEAL_TICK_NS = 10_000_000

/** A gap also holds the entry to and the exit from the kernel. */
const SLACK_NS = 20_000

/**
 * Explain gaps of one interval, by what moved in it. `gapsNs` are in descending order; the result
 * has the same order. The scheduler says for how long the spinner waited, and how often, so a gap
 * is another task's only while that time lasts. Interrupts explain as many gaps as were counted, the
 * longest ones: the counters cover the whole interval, and do not say when they moved. Pure.
 */
export function explain(
  gapsNs: readonly number[],
  movement: CpuMovement,
  facts: Circumstances,
): readonly Explanation[] {
  const causes = causesOf(movement, facts)
  const tasks = causes.filter(ranThere)
  const others = causes.filter((cause) => !ranThere(cause) && cause.counts.length > 0)
  const {voluntary = 0, involuntary, waitedNs} = movement
  const left = {
    stops: voluntary,
    // What the spinner did not wait for, it was stopped for.
    stoppedNs: gapsNs.reduce((sum, ns) => sum + ns, 0) - (waitedNs ?? 0),
    switches: involuntary ?? 0,
    waitedNs: waitedNs ?? Number.POSITIVE_INFINITY,
    interrupts: causes.flatMap(({counts}) => counts).reduce((sum, {count}) => sum + count, 0),
    stolenNs: movement.stealMs > 0 ? movement.stealMs * 1e6 + STEAL_TICK_NS : 0,
  }
  return gapsNs.map((ns) => {
    // A spinner that goes on after a stop also waits for its CPU, in the same gap.
    if (left.stops > 0 && left.stoppedNs >= ns / 2) {
      left.stops--
      left.stoppedNs -= ns
      return STOPPED
    }
    if (tasks.length > 0 && left.switches > 0 && ns <= left.waitedNs + SLACK_NS) {
      left.switches--
      left.waitedNs = Math.max(0, left.waitedNs - ns)
      return oneOf(tasks)
    }
    if (left.stolenNs > 0 && ns <= left.stolenNs) {
      left.stolenNs -= ns
      return others.length === 0 ? STOLEN : oneOf([...others, STOLEN])
    }
    if (others.length === 0 || left.interrupts <= 0) return UNEXPLAINED
    left.interrupts--
    return oneOf(others)
  })
}

/** A task, as opposed to an interrupt. The tick that a second task causes is the task's as well. */
const ranThere = ({concern, id}: Cause): boolean =>
  concern === 'task' || concern === 'kthread' || id === 'second-task'

/** Several things moved in the same interval: each may be the cause, and no one is picked. */
function oneOf(causes: readonly (Cause | Explanation)[]): Explanation {
  const [first, ...rest] = causes
  if (first === undefined) return UNEXPLAINED
  const help = 'help' in first ? first.help : 'remedy' in first ? first.remedy?.text : undefined
  if (rest.length === 0)
    return {id: first.id, label: first.label, sentence: first.sentence, ...(help ? {help} : {})}
  return {
    id: 'one-of',
    label: causes.map(({label}) => label).join(' or '),
    sentence: causes.map(({label, sentence}) => `${label}: ${sentence}`).join('; or '),
  }
}
