// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {type Refusal, refusalsOf} from '../boot/isolation.ts'
import {cmdline} from '../facts/cmdline.ts'
import {possible} from '../facts/cpus.ts'
import {optional} from '../facts/fact.ts'
import {kernel} from '../facts/kernel.ts'
import type {Finding} from '../model/finding.ts'
import {defineCheck} from './check.ts'

/** Which of two the kernel goes by. For the first two it depends on their lists and purposes. */
const NAMES = ['isolcpus', 'nohz_full', 'rcu_nocbs', 'irqaffinity'] as const
const LAST_WINS: ReadonlySet<string> = new Set(['rcu_nocbs', 'irqaffinity'])

export default defineCheck({
  id: 'cmdline-duplicates',
  title: 'each isolation argument is given once',
  why: 'Boot loaders, distributions and tuning tools all append arguments. Of two different values the kernel drops one. Which one it drops depends on the argument.',
  values:
    'Two equal values warn, and so do two different ones if the kernel takes both: isolcpus= may be given once for each purpose. Otherwise two different values fail, because the argument decides which of them the kernel uses.',
  facts: {cmdline, kernel: optional(kernel), possible: optional(possible)},
  judge({cmdline, kernel, possible}) {
    const repeated = NAMES.filter((name) => valuesOf(cmdline, name).length > 1)
    const differ = repeated.some((name) => new Set(valuesOf(cmdline, name)).size > 1 && !LAST_WINS.has(name))
    const last = possible && [...possible].at(-1)
    const refused = last === undefined ? undefined : refusalsOf(cmdline, {kernel, count: last + 1})
    if (differ && refused === undefined)
      return {
        unknown: 'whether the kernel takes both depends on its version and its CPUs, which are not known',
      }
    return repeated.map((name): Finding => {
      const values = valuesOf(cmdline, name)
      return {
        ...verdict(name, values, refused ?? []),
        subject: name,
        expected: 'one',
        actual: values.map((value) => `${name}=${value}`).join(' '),
      }
    })
  },
  remedy: {text: 'keep one of them in the boot loader configuration and reboot'},
  reference: 'kernel/sched/isolation.c: housekeeping_setup',
})

function verdict(
  name: string,
  values: readonly string[],
  refused: readonly Refusal[],
): Pick<Finding, 'severity' | 'message'> {
  const times = `given ${values.length} times`
  if (new Set(values).size === 1) return {severity: 'warn', message: `${times}, always the same`}
  if (LAST_WINS.has(name)) return {severity: 'fail', message: `${times}: the last wins`}
  const dropped = refused.some(({text, dropped}) => dropped && nameOf(text) === name)
  return dropped
    ? {severity: 'fail', message: `${times}: the first wins, and the kernel drops the other`}
    : {severity: 'warn', message: `${times}: the kernel takes all of them`}
}

const nameOf = (text: string) => /^"?([^=]*)/.exec(text)?.[1]?.replaceAll('-', '_')
