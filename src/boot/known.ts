// SPDX-License-Identifier: MIT

import {editDistance} from '../lib/nearest.ts'
import type {Cmdline} from './cmdline.ts'

/** The kernel's limit, final NUL included, on x86 and arm64 (arch/x86/include/asm/setup.h: COMMAND_LINE_SIZE). */
export const COMMAND_LINE_SIZE = 2048

/** An argument that the kernel does not know, and what comes of it. */
export interface Foreign {
  readonly text: string
  readonly reason: string
  /** Does no harm but has no effect either. */
  readonly inert: boolean
}

/** Arguments that isolation rests on, as the kernel compares names; a slip of the keyboard away from one is no other argument. */
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

/** Arguments that came later than the kernels people isolate on: name to first version, as major + minor / 1000. */
const SINCE: Readonly<Record<string, number>> = {
  'workqueue.unbound_cpus': 6.006,
  'rcutree.nohz_full_patience_delay': 6.011,
}

/**
 * Names that look like arguments for isolation and are none to a kernel of this `version` (6.12: 6.012). An unknown one
 * is handed to init without a word, or dropped (init/main.c: unknown_bootoption). Names unlike any of these are left
 * alone: modules and init have arguments too. Pure.
 */
export function foreignArguments({args}: Cmdline, version: number | undefined): readonly Foreign[] {
  return args.flatMap(({name, text}): readonly Foreign[] => {
    if (name === 'kthread_cpus')
      return [{text, inert: true, reason: 'no mainline kernel knows kthread_cpus; nohz_full= does it'}]
    const since = SINCE[name]
    if (since !== undefined && version !== undefined && version < since)
      return [{text, inert: true, reason: `known since Linux ${versionText(since)} only, and dropped before`}]
    const meant = misspelt(name)
    return meant === undefined ? [] : [{text, inert: false, reason: `no such argument; is ${meant}= meant?`}]
  })
}

/** "nohz_ful", "isolcpu", "irq_affinity": the argument that was meant. */
function misspelt(name: string): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll('_', '')
  return (TYPED as readonly string[]).includes(name)
    ? undefined
    : TYPED.find((known) => {
        const distance = editDistance(plain(name), plain(known))
        return distance === 0 || (distance <= 2 && !LOOKALIKES.has(name))
      })
}

/** Real arguments that are as close. */
const LOOKALIKES = new Set(['watchdog'])

const versionText = (version: number) => `${Math.floor(version)}.${Math.round((version % 1) * 1000)}`
