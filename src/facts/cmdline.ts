// SPDX-License-Identifier: MIT
import {type Cmdline, parseCmdline} from '../boot/cmdline.ts'
import {defineFact, mustRead} from './fact.ts'

/** /proc/cmdline: what this kernel was booted with. */
export const cmdline = defineFact<Cmdline>('cmdline', async (host) =>
  parseCmdline(await mustRead(host, '/proc/cmdline')),
)
