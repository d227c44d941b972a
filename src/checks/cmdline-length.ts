// SPDX-License-Identifier: MIT
import {cmdline} from '../facts/cmdline.ts'
import {commandLineSize} from '../facts/command-line-limit.ts'
import {defineCheck} from './check.ts'

/** The part of the limit that may be in use before we warn. */
const ROOM = 0.9

export default defineCheck({
  id: 'cmdline-length',
  title: 'the boot arguments have room to grow',
  why: 'The kernel keeps a limited number of bytes, and drops the rest without an error. The argument that a later update appends is then the one that is dropped.',
  values:
    'The length of the boot arguments in bytes. The limit depends on the architecture; on x86 it is 2048.',
  extended: true,
  facts: {cmdline, commandLineSize},
  judge({cmdline: {text}, commandLineSize}) {
    const length = Buffer.byteLength(text)
    if (length < commandLineSize * ROOM) return []
    return [
      {
        severity: 'warn',
        subject: '/proc/cmdline',
        message: 'the boot arguments are close to the limit of the kernel',
        expected: `fewer than ${Math.floor(commandLineSize * ROOM)} of ${commandLineSize} bytes`,
        actual: `${length}`,
      },
    ]
  },
  evidence: ({cmdline: {text}, commandLineSize}) => `${Buffer.byteLength(text)} of ${commandLineSize} bytes`,
  remedy: {text: 'remove arguments that are no longer needed'},
  reference: 'arch/x86/include/asm/setup.h: COMMAND_LINE_SIZE',
})
