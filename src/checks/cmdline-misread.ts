// SPDX-License-Identifier: MIT

import {SMALLEST_COMMAND_LINE_LIMIT} from '../boot/command-line-limit.ts'
import {refusalsOf} from '../boot/isolation.ts'
import {isTooOld, OLDEST_KERNEL} from '../boot/kernel-rules.ts'
import {foreignArguments, hiddenArguments, straysOf} from '../boot/known.ts'
import {cmdline} from '../facts/cmdline.ts'
import {commandLineSize} from '../facts/command-line-limit.ts'
import {possible, present} from '../facts/cpus.ts'
import {optional} from '../facts/fact.ts'
import {type Kernel, kernel} from '../facts/kernel.ts'
import type {Finding} from '../model/finding.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'cmdline-misread',
  title: 'boot arguments mean what they say',
  why: 'The kernel drops an isolation argument that it cannot read, and boots without it: a CPU that does not exist, a list that runs backwards, a flag without its comma, a second list that differs from the first. This check applies the rules of the parsers of this kernel version. It does not need the kernel log.',
  values:
    'A warning: the argument has no effect. A failure: it has another effect than its text says, or isolates nothing.',
  facts: {
    cmdline,
    commandLineSize: optional(commandLineSize),
    possible,
    present: optional(present),
    kernel: optional(kernel),
  },
  judge({cmdline, commandLineSize, possible, present, kernel}) {
    const last = [...possible].at(-1)
    if (last === undefined) return {unknown: 'no CPU is possible'}
    const refused = refusalsOf(cmdline, {kernel, count: last + 1, ...(present ? {present} : {})})
    if (refused === undefined)
      return {
        unknown: `kernels differ in how they read these arguments, and ${whatIsMissing(kernel)}`,
      }
    const length = Buffer.byteLength(cmdline.text)
    const cut: readonly Finding[] =
      commandLineSize === undefined || length < commandLineSize - 1
        ? []
        : [
            {
              severity: 'fail',
              message: 'the boot arguments are too long, and the kernel drops what is beyond its limit',
              expected: `fewer than ${commandLineSize - 1} bytes`,
              actual: `${length}`,
            },
          ]
    const version = kernel && kernel.major + kernel.minor / 1000
    const findings: readonly Finding[] = [
      ...cut,
      ...refused.map(({text, reason}) => ({
        severity: 'fail' as const,
        subject: text,
        message: `not read as it is written: ${reason}`,
      })),
      ...straysOf(cmdline).map(({text, reason}) => ({
        severity: 'fail' as const,
        subject: text,
        message: `not read as it is written: ${reason}`,
      })),
      ...hiddenArguments(cmdline).map(({text, reason}) => ({
        severity: 'fail' as const,
        subject: text,
        message: `has no effect: ${reason}`,
      })),
      ...foreignArguments(cmdline, version).map(({text, reason, inert}) => ({
        severity: inert ? ('warn' as const) : ('fail' as const),
        subject: text,
        message: `has no effect: ${reason}`,
      })),
    ]
    if (findings.length === 0 && commandLineSize === undefined && length >= SMALLEST_COMMAND_LINE_LIMIT - 1)
      return {unknown: `how many bytes of boot arguments this kernel keeps: it was given ${length}`}
    return findings
  },
  remedy: {text: 'correct the boot arguments (isolctl lint judges them beforehand) and reboot'},
  reference: 'kernel/sched/isolation.c, lib/bitmap-str.c: bitmap_parselist, init/main.c: unknown_bootoption',
})

function whatIsMissing(kernel: Kernel | undefined): string {
  if (kernel === undefined) return 'the version of this one is not known'
  return isTooOld(kernel)
    ? `isolctl knows the rules from Linux ${OLDEST_KERNEL.release} on: this is ${kernel.release}`
    : `it is not known which rules of later versions ${kernel.release} has`
}
