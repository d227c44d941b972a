// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {defineCheck} from './check.ts'

/** Which of two the kernel goes by. */
const WINNER: Readonly<Record<string, string>> = {
  isolcpus: 'the first wins, and the second is refused',
  nohz_full: 'the first wins, and the second is refused',
  rcu_nocbs: 'the last wins',
  irqaffinity: 'the last wins',
}

export default defineCheck({
  id: 'cmdline-duplicates',
  title: 'each isolation argument is given once',
  why: 'Boot loaders, distributions and tuning tools all append arguments. Of two different values the kernel drops one. Which one it drops depends on the argument.',
  values:
    'Two equal values warn. Two different values fail, because the argument decides which of them the kernel uses.',
  facts: {cmdline},
  judge: ({cmdline}) =>
    Object.entries(WINNER).flatMap(([name, rule]) => {
      const values = valuesOf(cmdline, name)
      if (values.length < 2) return []
      const same = new Set(values).size === 1
      return [
        {
          severity: same ? ('warn' as const) : ('fail' as const),
          subject: name,
          message: same
            ? `given ${values.length} times, always the same`
            : `given ${values.length} times: ${rule}`,
          expected: 'one',
          actual: values.map((value) => `${name}=${value}`).join(' '),
        },
      ]
    }),
  remedy: {text: 'keep one of them in the boot loader configuration and reboot'},
  reference: 'kernel/sched/isolation.c: housekeeping_setup',
})
