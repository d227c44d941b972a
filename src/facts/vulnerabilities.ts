// SPDX-License-Identifier: MIT
import {defineFact, mustRead, parsed} from './fact.ts'

const FOLDER = '/sys/devices/system/cpu/vulnerabilities'

/** CPU vulnerability to its mitigation (Documentation/ABI/testing/sysfs-devices-system-cpu). */
export const vulnerabilities = defineFact<ReadonlyMap<string, string>>('vulnerabilities', async (host) => {
  const names = await host.list(FOLDER)
  if (names.length === 0) throw new Error(`${FOLDER} does not exist`)
  const found = new Map<string, string>()
  for (const name of names) {
    const path = `${FOLDER}/${name}`
    found.set(name, parsed(path, await mustRead(host, path), sentence))
  }
  return found
})

/** "Not affected", "Mitigation: PTI": the kernel begins each state with a capital. */
function sentence(text: string): string {
  if (!/^[A-Z][A-Za-z]/.test(text))
    throw new Error(`not the state of a vulnerability: "${text.trim().slice(0, 40)}"`)
  return text.trim()
}
