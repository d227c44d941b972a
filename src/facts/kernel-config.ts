// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'
import {kernel} from './kernel.ts'

/**
 * The configuration of the running kernel. Symbols have no CONFIG_; a symbol that is not set is
 * absent.
 */
export interface RunningKernelConfig {
  readonly path: string
  readonly symbols: ReadonlyMap<string, string>
}

/** The kernel's own copy (CONFIG_IKCONFIG_PROC), or the file that its package installed. */
export const kernelConfigText = defineFact<{readonly path: string; readonly text: string}>(
  'kernel-config-text',
  async (host, get) => {
    const own = await host.read('/proc/config.gz')
    if (own !== undefined) return {path: '/proc/config.gz', text: own}
    const {release} = await get(kernel)
    for (const path of [`/boot/config-${release}`, `/lib/modules/${release}/config`]) {
      const text = await host.read(path)
      if (text !== undefined) return {path, text}
    }
    throw new Error(`neither /proc/config.gz nor /boot/config-${release} exists`)
  },
)

export const kernelConfig = defineFact<RunningKernelConfig>('kernel-config', async (_host, get) => {
  const {path, text} = await get(kernelConfigText)
  return {path, symbols: parseKernelConfig(text)}
})

/** The lines `CONFIG_NAME=value`. Quotes around a string are removed. Pure. */
export function parseKernelConfig(text: string): ReadonlyMap<string, string> {
  const found = [...text.matchAll(/^CONFIG_(\w+)=(.*)$/gm)]
  return new Map(found.map(([, name = '', value = '']) => [name, value.replace(/^"(.*)"$/, '$1')]))
}
