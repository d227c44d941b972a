// SPDX-License-Identifier: MIT
import {kernelLog} from '../facts/kernel-log.ts'
import {defineCheck} from './check.ts'

/**
 * Arguments that isolation depends on. Those of lockup detectors are left out: only a kernel without
 * detectors refuses them (kernel/watchdog.c), and then there is nothing to turn off.
 */
const OURS =
  /^(isolcpus|nohz_full|nohz|rcu_\w+|rcutree\.\w+|irqaffinity|tsc|mce|skew_tick|task_isolation\w*|workqueue\.\w+)(=|$)/

/** Recommended in tuning guides, and unknown to every mainline kernel. */
const DEAD = /^kthread_cpus(=|$)/

export default defineCheck({
  id: 'cmdline-unknown-params',
  title: 'the kernel took every isolation argument',
  why: 'The kernel drops an isolation argument that it cannot read, such as a misspelt one or one with a CPU that does not exist, and boots without it. It lists such arguments in one line of its log.',
  values:
    'Refused: the kernel passed the argument on to init, because it did not understand it. The argument isolates nothing.',
  facts: {kernelLog},
  judge({kernelLog}) {
    const [, list = ''] =
      /Unknown kernel command line parameters "(.*)", will be passed to user space/.exec(kernelLog) ?? []
    const words = list.trim().split(/\s+/)
    return [
      ...words
        .filter((word) => OURS.test(word.replaceAll('-', '_')) || OURS.test(word))
        .map((word) => ({
          severity: 'fail' as const,
          subject: word.split('=')[0] ?? word,
          message: `the kernel refused ${word}`,
        })),
      ...words
        .filter((word) => DEAD.test(word))
        .map((word) => ({
          severity: 'warn' as const,
          subject: word.split('=')[0] ?? word,
          message: `${word} has no effect: no mainline kernel knows it`,
        })),
    ]
  },
  remedy: {text: 'correct the argument: a plain cpulist of CPUs that exist, without quotes, and reboot'},
  reference: 'init/main.c: print_unknown_bootoptions',
})
