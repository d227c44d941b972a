// SPDX-License-Identifier: MIT
import {defineFact, mustRead, parsed} from './fact.ts'

/** A random id of the current boot (drivers/char/random.c, "boot_id"). */
const BOOT_ID = '/proc/sys/kernel/random/boot_id'

export const bootId = defineFact<string>('boot-id', async (host) =>
  parsed(BOOT_ID, await mustRead(host, BOOT_ID), (text) => {
    if (!/^\w[\w-]*$/.test(text.trim())) throw new Error('not an id of a boot')
    return text.trim()
  }),
)
