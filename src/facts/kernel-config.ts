// SPDX-License-Identifier: MIT
import {defineFact, parsed, readText} from './fact.ts'
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
    const own = await readText(host, '/proc/config.gz')
    if (own !== undefined) return {path: '/proc/config.gz', text: own}
    const {release} = await get(kernel)
    for (const path of [`/boot/config-${release}`, `/lib/modules/${release}/config`]) {
      const text = await readText(host, path)
      if (text !== undefined) return {path, text}
    }
    throw new Error(`neither /proc/config.gz nor /boot/config-${release} exists`)
  },
)

export const kernelConfig = defineFact<RunningKernelConfig>('kernel-config', async (_host, get) => {
  const {path, text} = await get(kernelConfigText)
  return {path, symbols: parsed(path, text, parseKernelConfig)}
})

/**
 * The lines `CONFIG_NAME=value`. Quotes around a string are removed. Throws Error for a value that
 * is none of Kconfig, and for a text without a symbol. Pure.
 */
export function parseKernelConfig(text: string): ReadonlyMap<string, string> {
  const found = [...text.matchAll(/^CONFIG_(\w+)=(.*?)\r?$/gm)]
  const odd = found.find(([, , value = '']) => !/^([ymn]|-?\d+|0x[0-9a-f]+|".*")$/i.test(value))
  if (odd) throw new Error(`not a value: "${odd[0].slice(0, 80)}"`)
  if (found.length === 0) throw new Error('not the configuration of a kernel')
  return new Map(found.map(([, name = '', value = '']) => [name, value.replace(/^"(.*)"$/, '$1')]))
}
