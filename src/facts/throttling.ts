// SPDX-License-Identifier: MIT
import {defineFact, readInteger} from './fact.ts'
import {settings} from './settings.ts'

/**
 * Isolated CPU to the number of thermal throttling events since boot (arch/x86: therm_throt.c);
 * empty without counters.
 */
export const throttling = defineFact<ReadonlyMap<number, number>>('throttling', async (host, get) => {
  const found = new Map<number, number>()
  for (const cpu of (await get(settings)).isolated) {
    for (const kind of ['core', 'package']) {
      const path = `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle/${kind}_throttle_count`
      if ((await host.read(path)) !== undefined)
        found.set(cpu, Math.max(found.get(cpu) ?? 0, await readInteger(host, path)))
    }
  }
  return found
})
