// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'

const FOLDER = '/sys/devices/system/cpu/vulnerabilities'

/** CPU vulnerability to its mitigation (Documentation/ABI/testing/sysfs-devices-system-cpu). */
export const vulnerabilities = defineFact<ReadonlyMap<string, string>>('vulnerabilities', async (host) => {
  const names = await host.list(FOLDER)
  if (names.length === 0) throw new Error(`${FOLDER} does not exist`)
  const found = new Map<string, string>()
  for (const name of names) found.set(name, ((await host.read(`${FOLDER}/${name}`)) ?? '').trim())
  return found
})
