// SPDX-License-Identifier: MIT
import {kernelLog} from '../facts/kernel-log.ts'
import {defineCheck} from './check.ts'

/** What the kernel says when it reads an isolation argument otherwise than it was meant. */
const COMPLAINTS: readonly RegExp[] = [
  /^.*Housekeeping: .*$/gm,
  /^.*isolcpus: (?:Skipped unknown flag|Invalid flag).*$/gm,
  /^.*rcu_nocbs= bad CPU range.*$/gm,
  /^.*NO_HZ: Clearing \d+ from nohz_full.*$/gm,
  /^.*workqueue: Restricting .* leaves no CPU.*$/gm,
]

export default defineCheck({
  id: 'cmdline-kernel-warnings',
  title: 'the kernel did not complain about isolation',
  why: 'The kernel corrects contradictory or misspelt isolation arguments in its own way, and writes one line to its log.',
  values: 'Each finding is a line that the kernel wrote about its isolation arguments at boot.',
  facts: {kernelLog},
  judge: ({kernelLog}) =>
    COMPLAINTS.flatMap((pattern) => kernelLog.match(pattern) ?? []).map((line) => ({
      severity: 'fail',
      subject: 'kernel log',
      message: line.trim(),
    })),
  remedy: {text: 'correct the boot arguments and reboot'},
  reference: 'kernel/sched/isolation.c: housekeeping_setup',
})
