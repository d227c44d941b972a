// SPDX-License-Identifier: MIT
import {readIfPresent} from '../../lib/files.ts'
import type {KernelConfig} from './config-file.ts'

/**
 * A definition of a symbol. Everything in `depends` must hold; it includes what the blocks around
 * it depend on.
 */
interface Definition {
  readonly depends: string[]
  /**
   * The conditions of its prompts ("y": always). Without a prompt, only `select` and `default` set
   * it.
   */
  readonly prompts: string[]
  /** The `choice` block around it. */
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

/** The Kconfig files of a tree: what decides whether a symbol can have a value. */
export interface Kconfig {
  readonly symbols: Map<string, Definition[]>
  readonly selects: Select[]
}

/**
 * Read the Kconfig files of a tree (Documentation/kbuild/kconfig-language.rst), from the root on,
 * for x86. SRCARCH is the only macro that is expanded. A missing file is skipped.
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

/** A menu, an if or a choice, and what it depends on. */
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
  /** The list that a "depends on" is added to. */
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

/** Whether an expression is at least "m"; undefined if the result depends on a macro. Pure. */
export function holds(expression: string, config: KernelConfig): boolean | undefined {
  const tokens =
    expression.match(/\$\((?:[^()]|\([^()]*\))*\)|"[^"]*"|'[^']*'|&&|\|\||[<>]=|!=|[=<>!()]|[\w.-]+/g) ?? []
  let at = 0
  /** 0, 1, 2 for n, m, y; undefined for a macro. */
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

/** The value of a symbol, a number, a quoted string, or of y, m and n. */
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
