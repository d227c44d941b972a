// SPDX-License-Identifier: MIT

import {editDistance} from '../lib/nearest.ts'
import type {Cmdline} from './cmdline.ts'

/** An argument that the kernel does not know, and the consequence. */
export interface Foreign {
  readonly text: string
  readonly reason: string
  /** The argument has no effect and does no harm. */
  readonly inert: boolean
}

/**
 * Arguments that isolation depends on, as the kernel compares names. An argument that differs from
 * one of them by a typing error is assumed to be that one.
 */
const TYPED = [
  'isolcpus',
  'nohz_full',
  'rcu_nocbs',
  'rcu_nocb_poll',
  'irqaffinity',
  'nosoftlockup',
  'nowatchdog',
  'nmi_watchdog',
  'skew_tick',
] as const

/**
 * Arguments that are newer than some supported kernels: name to first version, as major + minor /
 * 1000.
 */
const SINCE: Readonly<Record<string, number>> = {
  'workqueue.unbound_cpus': 6.006,
  'rcutree.nohz_full_patience_delay': 6.011,
}

/**
 * Names that look like isolation arguments and that a kernel of this `version` (6.12: 6.012) does
 * not know. The kernel passes an unknown argument to init, or drops it, without a message
 * (init/main.c: unknown_bootoption). Names that resemble none of these are not reported, because
 * modules and init have arguments too. Pure.
 */
export function foreignArguments({args}: Cmdline, version: number | undefined): readonly Foreign[] {
  return args.flatMap(({name, text}): readonly Foreign[] => {
    if (name === 'kthread_cpus')
      return [
        {
          text,
          inert: true,
          reason: 'no mainline kernel has kthread_cpus; nohz_full= moves kernel threads',
        },
      ]
    const since = SINCE[name]
    if (since !== undefined && version !== undefined && version < since)
      return [{text, inert: true, reason: `known since Linux ${versionText(since)}; older kernels drop it`}]
    const meant = misspelt(name)
    return meant === undefined ? [] : [{text, inert: false, reason: `no such argument; is ${meant}= meant?`}]
  })
}

/** The argument that was probably meant: "nohz_ful", "isolcpu", "irq_affinity". */
function misspelt(name: string): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll('_', '')
  return (TYPED as readonly string[]).includes(name)
    ? undefined
    : TYPED.find((known) => {
        const distance = editDistance(plain(name), plain(known))
        return distance === 0 || (distance <= 2 && !LOOKALIKES.has(name))
      })
}

/** Arguments that exist and are as similar. */
const LOOKALIKES = new Set(['watchdog'])

const versionText = (version: number) => `${Math.floor(version)}.${Math.round((version % 1) * 1000)}`
