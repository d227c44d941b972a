// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'

/** The values of symbols: "y", "m", a number or a quoted string, as in .config; "n" for off. */
export type KernelConfig = ReadonlyMap<string, string>

/**
 * Read a fragment or a .config. Of several lines for a symbol the last one holds, as in Kconfig.
 * Throws UserError that names a malformed line. Pure.
 */
export function parseConfig(text: string): KernelConfig {
  const symbols = new Map<string, string>()
  for (const [index, line] of text.split('\n').entries()) {
    const set = /^CONFIG_(\w+)=(.*?)\s*$/.exec(line)
    const unset = /^# CONFIG_(\w+) is not set\s*$/.exec(line)
    if (set) symbols.set(set[1] ?? '', set[2] ?? '')
    else if (unset) symbols.set(unset[1] ?? '', 'n')
    else if (line.trim() !== '' && !line.startsWith('#'))
      throw new UserError(`line ${index + 1} of a config fragment is not a setting: "${line.trim()}"`)
  }
  return symbols
}

/** The settings of all fragments; a later fragment wins. Pure. */
export function mergeConfigs(fragments: readonly KernelConfig[]): KernelConfig {
  return new Map(fragments.flatMap((fragment) => [...fragment]))
}

/** `text`, a .config, with every symbol of `wanted` replaced or added. Pure. */
export function overrideConfig(text: string, wanted: KernelConfig): string {
  const kept = text.split('\n').filter((line) => {
    const symbol = /^(?:# )?CONFIG_(\w+)(?:=| is not set)/.exec(line)?.[1]
    return symbol === undefined || !wanted.has(symbol)
  })
  return `${[...kept, ...[...wanted].map(([symbol, value]) => settingLine(symbol, value))].join('\n')}\n`
}

function settingLine(symbol: string, value: string): string {
  return value === 'n' ? `# CONFIG_${symbol} is not set` : `CONFIG_${symbol}=${value}`
}
