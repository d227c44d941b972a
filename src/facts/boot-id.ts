// SPDX-License-Identifier: MIT
import {defineFact, mustRead} from './fact.ts'

/** Names this boot of this machine: drivers/char/random.c, "boot_id". */
export const bootId = defineFact<string>('boot-id', async (host) =>
  (await mustRead(host, '/proc/sys/kernel/random/boot_id')).trim(),
)
