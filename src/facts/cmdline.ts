// SPDX-License-Identifier: MIT
import {type Cmdline, parseCmdline} from '../boot/cmdline.ts'
import {defineFact, mustRead, parsed} from './fact.ts'

const CMDLINE = '/proc/cmdline'

/**
 * The boot arguments of the running kernel. Throws Error for a text that holds none: an empty file, control characters, or
 * words of which none has a letter. A kernel without arguments prints a newline (fs/proc/cmdline.c).
 */
export const cmdline = defineFact<Cmdline>('cmdline', async (host) =>
  parsed(CMDLINE, await mustRead(host, CMDLINE), (text) => {
    const spoilt = /\p{Cc}/u.test(text.replaceAll(/\s/g, ' ')) || (text.trim() !== '' && !/[a-z]/i.test(text))
    if (spoilt) throw new Error('not boot arguments')
    return parseCmdline(text)
  }),
)
