// SPDX-License-Identifier: MIT
import {defineFact, mustRead} from './fact.ts'

/** A random id of the current boot (drivers/char/random.c, "boot_id"). */
export const bootId = defineFact<string>('boot-id', async (host) =>
  (await mustRead(host, '/proc/sys/kernel/random/boot_id')).trim(),
)
