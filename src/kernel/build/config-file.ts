// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'

/** What a symbol is to be: "y", "m", a number or a quoted string, as in .config; "n" for off. */
export type KernelConfig = ReadonlyMap<string, string>

/** Read a fragment or a .config. Of two lines about one symbol the last one holds, as for Kconfig. */
export function parseConfig(text: string): KernelConfig {
  const symbols = new Map<string, string>()
  for (const [index, line] of text.split('\n').entries()) {
    const set = /^CONFIG_(\w+)=(.*?)\s*$/.exec(line)
    const unset = /^# CONFIG_(\w+) is not set\s*$/.exec(line)
    if (set) symbols.set(set[1] ?? '', set[2] ?? '')
    else if (unset) symbols.set(unset[1] ?? '', 'n')
    else if (line.trim() !== '' && !line.startsWith('#'))
      throw new UserError(`line ${index + 1} of a config fragment is no setting: "${line.trim()}"`)
  }
  return symbols
}

/** Later fragments win. */
export function mergeConfigs(fragments: readonly KernelConfig[]): KernelConfig {
  return new Map(fragments.flatMap((fragment) => [...fragment]))
}

/** `text`, a .config, with every symbol of `wanted` replaced or added. */
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

export interface LostSymbol {
  readonly symbol: string
  readonly wanted: string
  readonly got: string
}

/**
 * What olddefconfig took away without a word, because a dependency is missing or another option forced it. A symbol that
 * is not in `final` at all is off.
 */
export function lostSymbols(wanted: KernelConfig, final: KernelConfig): LostSymbol[] {
  return [...wanted]
    .map(([symbol, value]) => ({symbol, wanted: value, got: final.get(symbol) ?? 'n'}))
    .filter(({wanted, got}) => wanted !== got)
}

/** `why` says what is known about the reason. */
export function lostSymbolsError(
  lost: readonly LostSymbol[],
  why: (symbol: LostSymbol) => string | undefined = () => undefined,
): UserError {
  const list = lost.map((each) => {
    const reason = why(each)
    const got = `CONFIG_${each.symbol} (wanted ${each.wanted}, got ${each.got})`
    return reason === undefined ? got : `${got}: ${reason}`
  })
  return new UserError(`the kernel configuration lost ${list.join('; ')}`, {
    exit: Exit.unsuitable,
    code: 'config-lost',
    help: 'a dependency is missing or the source does not know the option: look it up in its Kconfig',
  })
}
