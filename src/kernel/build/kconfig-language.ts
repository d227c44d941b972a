// SPDX-License-Identifier: MIT
import {readIfPresent} from '../../lib/files.ts'
import {type KernelConfig, type LostSymbol, lostSymbols, lostSymbolsError} from './config-file.ts'

/** Throws UserError (exit 69) that names every symbol that is not what was wanted, and what the tree says about the reason. */
export async function requireSymbols(wanted: KernelConfig, final: KernelConfig, tree: string): Promise<void> {
  const lost = lostSymbols(wanted, final)
  if (lost.length === 0) return
  const kconfig = await readKconfig(tree)
  throw lostSymbolsError(lost, (each) => whyLost(each, kconfig, final))
}

/** One place that defines a symbol; everything in `depends` has to hold, that of the blocks around it included. */
interface Definition {
  readonly depends: string[]
  /** When somebody may choose its value ("y": always); without any, only `select` and `default` set it. */
  readonly prompts: string[]
  /** The menu of alternatives it is one of. */
  readonly choice: Choice | undefined
}

interface Choice {
  readonly members: string[]
}

interface Select {
  readonly by: string
  readonly target: string
  readonly condition: string | undefined
}

/** What a tree's Kconfig files say, as far as it decides whether a symbol can have a value. */
export interface Kconfig {
  readonly symbols: Map<string, Definition[]>
  readonly selects: Select[]
}

/**
 * Read the Kconfig files of a tree, from its root on, the way Documentation/kbuild/kconfig-language.rst defines them:
 * x86's, and no macros but SRCARCH. A file that is not there is passed over.
 */
export async function readKconfig(tree: string): Promise<Kconfig> {
  const kconfig: Kconfig = {symbols: new Map(), selects: []}
  const read = async (path: string, around: readonly Block[]): Promise<void> => {
    const text = await readIfPresent(`${tree}/${path}`)
    if (text !== undefined)
      await parse(text, around, kconfig, (other, blocks) => read(expandArch(other), blocks))
  }
  await read('Kconfig', [])
  return kconfig
}

const expandArch = (path: string) => path.replaceAll('$(SRCARCH)', 'x86')

/** What is around a line: a menu, an if or a choice, with what it depends on. */
interface Block {
  readonly depends: string[]
  readonly choice?: Choice
}

async function parse(
  text: string,
  around: readonly Block[],
  kconfig: Kconfig,
  source: (path: string, around: readonly Block[]) => Promise<void>,
): Promise<void> {
  const blocks: Block[] = [...around]
  let symbol: {readonly name: string; readonly definition: Definition} | undefined
  /** What a "depends on" belongs to. */
  let depends: string[] = []
  let help: number | undefined // the indentation of the help text; -1 before its first line
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    if (help !== undefined) {
      const indent = indentOf(line)
      if (line.trim() === '') continue
      if (help === -1 && indent > 0) help = indent
      if (help !== -1 && indent >= help) continue
      help = undefined
    }
    const [, word = '', rest = ''] = /^\s*([a-z_]+)\b\s*(.*?)\s*$/.exec(withoutComment(line)) ?? []
    switch (word) {
      case 'config':
      case 'menuconfig': {
        const choice = blocks.findLast((block) => block.choice)?.choice
        const definition: Definition = {
          depends: blocks.flatMap((block) => block.depends),
          prompts: [],
          choice,
        }
        choice?.members.push(rest)
        kconfig.symbols.set(rest, [...(kconfig.symbols.get(rest) ?? []), definition])
        symbol = {name: rest, definition}
        depends = definition.depends
        break
      }
      case 'if':
        blocks.push({depends: [rest]})
        break
      case 'menu':
      case 'choice': {
        const block: Block = {depends: [], ...(word === 'choice' ? {choice: {members: []}} : {})}
        blocks.push(block)
        symbol = undefined
        depends = block.depends
        break
      }
      case 'comment':
        symbol = undefined
        depends = []
        break
      case 'endif':
      case 'endmenu':
      case 'endchoice':
        blocks.pop()
        break
      case 'source':
        await source(rest.replaceAll('"', ''), blocks)
        break
      case 'depends':
        depends.push(rest.replace(/^on\s+/, ''))
        break
      case 'select':
        if (symbol !== undefined) {
          const [target = '', condition] = rest.split(/\s+if\s+/)
          kconfig.selects.push({by: symbol.name, target, condition})
        }
        break
      case 'bool':
      case 'tristate':
      case 'int':
      case 'hex':
      case 'string':
      case 'prompt':
        if (symbol !== undefined && rest !== '')
          symbol.definition.prompts.push(/["']\s+if\s+(.*)$/.exec(rest)?.[1] ?? 'y')
        break
      case 'help':
        help = -1
        break
    }
  }
}

const indentOf = (line: string) => /^\s*/.exec(line)?.[0].replaceAll('\t', '        ').length ?? 0
const withoutComment = (line: string) => line.replace(/(^|\s)#.*/, '')

/** Why a symbol did not keep the value that was asked for, in words; undefined when the files do not tell. Pure. */
export function whyLost({symbol, wanted, got}: LostSymbol, kconfig: Kconfig, final: KernelConfig) {
  const definitions = kconfig.symbols.get(symbol)
  if (definitions === undefined) return 'this source does not know it'
  const by = kconfig.selects.filter(
    ({target, by, condition}) =>
      target === symbol && isOn(final, by) && (condition === undefined || holds(condition, final) !== false),
  )
  if (wanted === 'n' && by.length > 0) return `selected by ${by.map((each) => each.by).join(', ')}`
  const prompts = definitions.flatMap((definition) => definition.prompts)
  const hidden = prompts.every((condition) => holds(condition, final) === false)
  const choosable =
    prompts.length === 0
      ? 'nobody can choose it: only other options set it'
      : `it can be chosen only with ${[...new Set(prompts)].join(', or with ')}`
  if (wanted === 'n') return hidden ? choosable : undefined
  if (got !== 'n' && got !== 'm') return undefined
  // Of several definitions one is enough: the one that lacks least says what to do.
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

/** The parts of "A && (B || C)" that do not hold. What only a compiler can answer, "$(cc-option,-x)", counts if nothing else does. */
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

/** Whether an expression is at least "m"; undefined where it hangs on a macro. Pure. */
export function holds(expression: string, config: KernelConfig): boolean | undefined {
  const tokens =
    expression.match(/\$\((?:[^()]|\([^()]*\))*\)|"[^"]*"|'[^']*'|&&|\|\||[<>]=|!=|[=<>!()]|[\w.-]+/g) ?? []
  let at = 0
  /** 0, 1, 2 for n, m, y. */
  type Level = number | undefined
  const either = (): Level => {
    let left = both()
    while (tokens[at] === '||') {
      at++
      const right = both()
      left =
        left === 2 || right === 2
          ? 2
          : left === undefined || right === undefined
            ? undefined
            : Math.max(left, right)
    }
    return left
  }
  const both = (): Level => {
    let left = atom()
    while (tokens[at] === '&&') {
      at++
      const right = atom()
      left =
        left === 0 || right === 0
          ? 0
          : left === undefined || right === undefined
            ? undefined
            : Math.min(left, right)
    }
    return left
  }
  const atom = (): Level => {
    const token = tokens[at++] ?? ''
    if (token === '!') {
      const level = atom()
      return level === undefined ? undefined : 2 - level
    }
    if (token === '(') {
      const level = either()
      at++ // the bracket
      return level
    }
    const operator = tokens[at]
    if (operator !== undefined && ['=', '!=', '<', '>', '<=', '>='].includes(operator)) {
      at++
      const right = tokens[at++] ?? ''
      if (token.startsWith('$') || right.startsWith('$')) return undefined
      return compare(settingOf(token, config), operator, settingOf(right, config)) ? 2 : 0
    }
    if (token.startsWith('$')) return undefined
    return {y: 2, m: 1}[settingOf(token, config)] ?? 0
  }
  const level = either()
  return level === undefined ? undefined : level > 0
}

/** Of a symbol, a number, a quoted string, or y, m and n themselves. */
function settingOf(token: string, config: KernelConfig): string {
  if (/^["']/.test(token)) return token.slice(1, -1)
  if (/^(?:[ymn]|\d+|0x[\da-fA-F]+)$/.test(token)) return token
  return config.get(token)?.replaceAll('"', '') ?? 'n'
}

function compare(left: string, operator: string, right: string): boolean {
  const order =
    Number.isNaN(Number(left)) || Number.isNaN(Number(right)) ? undefined : Number(left) - Number(right)
  switch (operator) {
    case '=':
      return left === right
    case '!=':
      return left !== right
    default:
      if (order === undefined) return false
      return {'<': order < 0, '>': order > 0, '<=': order <= 0, '>=': order >= 0}[operator] ?? false
  }
}
