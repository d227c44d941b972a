// SPDX-License-Identifier: MIT
import {type Cmdline, parseCmdline} from '../boot/cmdline.ts'
import {defineFact, mustRead} from './fact.ts'

/** /proc/cmdline: the boot arguments of the running kernel. */
export const cmdline = defineFact<Cmdline>('cmdline', async (host) =>
  parseCmdline(await mustRead(host, '/proc/cmdline')),
)
