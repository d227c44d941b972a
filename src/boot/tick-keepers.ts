// SPDX-License-Identifier: MIT
import type {BootArg, Cmdline} from './cmdline.ts'

/** An argument that keeps the tick on every CPU. */
export interface TickKeeper {
  readonly text: string
  readonly reason: string
}

/**
 * Arguments with which no CPU stops its tick, although nohz_full= is in effect otherwise: nohz=off
 * (kernel/time/tick-sched.c: setup_tick_nohz), and an unstable TSC, which makes the scheduler clock
 * depend on the tick (kernel/sched/clock.c: __clear_sched_clock_stable sets
 * TICK_DEP_BIT_CLOCK_UNSTABLE; arch/x86/kernel/tsc.c: tsc_setup, notsc_setup). A clock source that
 * counts ticks needs them (kernel/time/tick-sched.c: tick_check_oneshot_change). Pure.
 */
export function tickKeepers({args}: Cmdline): readonly TickKeeper[] {
  const switches = args.filter(({name, value}) => name === 'nohz' && truth(value) !== undefined)
  const last = switches.at(-1)
  const clock = args.findLast(({name}) => name === 'clocksource')
  return [
    ...(clock !== undefined && /^(?:refined-)?jiffies$/.test(clock.value ?? '')
      ? [{text: clock.text, reason: 'this clock source counts ticks, and every CPU keeps its tick for it'}]
      : []),
    ...(last !== undefined && truth(last.value) === false
      ? [{text: last.text, reason: 'every CPU keeps its tick, also those of nohz_full='}]
      : []),
    ...args.filter(declaresUnstable).map(({text}) => ({
      text,
      reason: 'the TSC counts as unstable, and every CPU keeps its tick for the scheduler clock',
    })),
  ]
}

/** The name of "notsc" need only begin so: __setup() without "=" (init/main.c: obsolete_checksetup). */
const declaresUnstable = ({name, value}: BootArg) =>
  (name === 'tsc' && value === 'unstable') || name.startsWith('notsc')

/** kstrtobool() (lib/kstrtox.c); undefined: the kernel does not take it. */
function truth(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined
  if (/^(?:[yt1]|on)/i.test(value)) return true
  return /^(?:[nf0]|of)/i.test(value) ? false : undefined
}
