// SPDX-License-Identifier: MIT
import {defineFact, mayList, parsed, readText} from './fact.ts'
import {parseKernelConfig} from './kernel-config.ts'

/**
 * Releases of the kernels in /boot that were built with task isolation; empty when there is no
 * /boot.
 */
export const isolationKernels = defineFact<readonly string[]>('isolation-kernels', async (host) => {
  const names = await mayList(host, '/boot')
  const found: string[] = []
  for (const name of names) {
    const release = /^config-(.+)$/.exec(name)?.[1]
    if (release === undefined) continue
    const text = await readText(host, `/boot/${name}`)
    if (text === undefined) continue
    const symbols = parsed(`/boot/${name}`, text, parseKernelConfig)
    if (symbols.get('TASK_ISOLATION') === 'y') found.push(release)
  }
  return found
})
