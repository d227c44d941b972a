// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import type {KernelConfig} from './config-file.ts'
import {holds, type Kconfig, readKconfig} from './kconfig-language.ts'

/**
 * Throws UserError (exit 69) that names every symbol of `wanted` that has another value in `final`,
 * with the reason as far as the Kconfig files of the tree give it.
 */
export async function requireSymbols(wanted: KernelConfig, final: KernelConfig, tree: string): Promise<void> {
  const lost = lostSymbols(wanted, final)
  if (lost.length === 0) return
  const kconfig = await readKconfig(tree)
  throw lostSymbolsError(lost, (each) => whyLost(each, kconfig, final))
}

export interface LostSymbol {
  readonly symbol: string
  readonly wanted: string
  readonly got: string
}

/**
 * The symbols that olddefconfig changed: it reports nothing when a dependency is missing or another
 * option selects the symbol. A symbol that is absent in `final` is off. Pure.
 */
export function lostSymbols(wanted: KernelConfig, final: KernelConfig): LostSymbol[] {
  return [...wanted]
    .map(([symbol, value]) => ({symbol, wanted: value, got: final.get(symbol) ?? 'n'}))
    .filter(({wanted, got}) => wanted !== got)
}

/** The error that names the symbols. `why` gives the reason, if it is known. Pure. */
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
    help: 'a dependency is missing, or the source does not have the option: look it up in its Kconfig file',
  })
}

/**
 * Why a symbol did not keep the wanted value; undefined if the Kconfig files do not explain it.
 * Pure.
 */
export function whyLost({symbol, wanted, got}: LostSymbol, kconfig: Kconfig, final: KernelConfig) {
  const definitions = kconfig.symbols.get(symbol)
  if (definitions === undefined) return 'this source does not have it'
  const by = kconfig.selects.filter(
    ({target, by, condition}) =>
      target === symbol && isOn(final, by) && (condition === undefined || holds(condition, final) !== false),
  )
  if (wanted === 'n' && by.length > 0) return `selected by ${by.map((each) => each.by).join(', ')}`
  const prompts = definitions.flatMap((definition) => definition.prompts)
  const hidden = prompts.every((condition) => holds(condition, final) === false)
  const choosable =
    prompts.length === 0
      ? 'it has no prompt: only other options set it'
      : `it can be chosen only with ${[...new Set(prompts)].join(', or with ')}`
  if (wanted === 'n') return hidden ? choosable : undefined
  if (got !== 'n' && got !== 'm') return undefined
  // One definition is enough: name what the one that is nearest lacks.
  const lacks = definitions
    .map(({depends}) => depends.flatMap((each) => missing(each, final)))
    .sort((a, b) => a.length - b.length)[0]
  if (lacks !== undefined && lacks.length > 0)
    return `it depends on ${[...new Set(lacks)].join(', and on ')}, which ${lacks.length === 1 ? 'does' : 'do'} not hold`
  const won = definitions.flatMap(({choice}) => choice?.members ?? []).find((name) => isOn(final, name))
  if (won !== undefined) return `one of several alternatives, and ${won} was chosen`
  return hidden ? choosable : undefined
}

const isOn = (config: KernelConfig, symbol: string) => ['y', 'm'].includes(config.get(symbol) ?? 'n')

/**
 * The parts of "A && (B || C)" that do not hold. If all others hold, the parts with a macro that
 * only a compiler can answer, such as "$(cc-option,-x)".
 */
function missing(expression: string, config: KernelConfig): string[] {
  const parts = conjuncts(expression)
  const failing = parts.filter((part) => holds(part, config) === false)
  return failing.length > 0 || holds(expression, config) === true
    ? failing
    : parts.filter((part) => holds(part, config) === undefined)
}

function conjuncts(expression: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let at = 0; at < expression.length; at++) {
    if (expression[at] === '(') depth++
    if (expression[at] === ')') depth--
    if (depth === 0 && expression.startsWith('&&', at)) {
      parts.push(expression.slice(from, at))
      from = at + 2
    }
  }
  return [...parts, expression.slice(from)].map((part) => part.trim())
}
