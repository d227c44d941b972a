// SPDX-License-Identifier: MIT
import {type Cmdline, valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {optional} from '../facts/fact.ts'
import {everyTask} from '../facts/tasks.ts'
import {defineCheck} from './check.ts'

/** Why an argument has no effect, or undefined. */
function dead(name: string, value: string | undefined, args: Cmdline, tuned: boolean): string | undefined {
  if (name === 'kthread_cpus') return 'no mainline kernel knows it: nohz_full= moves kernel threads'
  if (name === 'nohz' && value === 'on') return 'is the default of the kernel'
  if (name === 'rcu_nocbs' && valuesOf(args, 'nohz_full').includes(value ?? ''))
    return 'nohz_full= implies it'
  if (name === 'tuned.non_isolcpus' && !tuned)
    return 'is a note that tuned writes for itself, and tuned does not run'
  return undefined
}

export default defineCheck({
  id: 'dead-boot-args',
  title: 'no boot argument is without effect',
  why: 'Arguments for another kernel, or from a guide for one, look like isolation and have no effect. The next reader relies on them.',
  values: 'Each finding is an argument that has no effect on this kernel, and the reason.',
  extended: true,
  facts: {cmdline, everyTask: optional(everyTask)},
  judge({cmdline, everyTask}) {
    const tuned = everyTask === undefined || everyTask.some(({comm}) => comm === 'tuned')
    return cmdline.args.flatMap(({name, value, text}) => {
      const reason = dead(name, value, cmdline, tuned)
      return reason === undefined ? [] : [{severity: 'warn' as const, subject: text, message: reason}]
    })
  },
  remedy: {text: 'remove it from the boot arguments'},
  reference: 'Documentation/admin-guide/kernel-parameters.txt',
})
