// SPDX-License-Identifier: MIT

import {COMMAND_LINE_SIZE} from '../boot/known.ts'
import {cmdline} from '../facts/cmdline.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'cmdline-length',
  title: 'the boot arguments have room to grow',
  why: 'The kernel keeps a limited length, and cuts the rest off without a word: the argument that a later update appends is then the one that is lost.',
  values: 'Bytes of the boot arguments; the kernel cuts off what is beyond its limit, 2048 on x86.',
  extended: true,
  facts: {cmdline},
  judge({cmdline: {text}}) {
    const length = Buffer.byteLength(text)
    if (length < COMMAND_LINE_SIZE * 0.9) return []
    return [
      {
        severity: 'warn',
        subject: '/proc/cmdline',
        message: 'little room is left',
        expected: `fewer than ${Math.floor(COMMAND_LINE_SIZE * 0.9)} of ${COMMAND_LINE_SIZE} bytes`,
        actual: `${length}`,
      },
    ]
  },
  evidence: ({cmdline: {text}}) => `${Buffer.byteLength(text)} of ${COMMAND_LINE_SIZE} bytes`,
  remedy: {text: 'take out what is no longer needed'},
  reference: 'arch/x86/include/asm/setup.h: COMMAND_LINE_SIZE',
})
