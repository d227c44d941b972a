// SPDX-License-Identifier: MIT
import {supportsColor} from 'chalk'
import {visible} from '../lib/visible.ts'
import type {Paint, Style} from './text.ts'

/** chalk does not read NO_COLOR (https://no-color.org). */
export function colourLevel(env: NodeJS.ProcessEnv, detected: 0 | 1 | 2 | 3): 0 | 1 | 2 | 3 {
  return env['NO_COLOR'] && !env['FORCE_COLOR'] ? 0 : detected
}

const level = colourLevel(process.env, supportsColor ? supportsColor.level : 0)

/** The codes that begin and end a style (ECMA-48, SGR). */
const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  bold: [1, 22],
  dim: [2, 22],
}

/**
 * A style stands in a text as a mark, not as an escape sequence: a name on the machine may contain an
 * escape sequence, but it cannot contain the mark, which is another one in every process.
 */
const MARK = `\u0001${crypto.randomUUID().slice(0, 8)}:`
const MARKS = new RegExp(`${MARK}(\\d+);`)

const styled =
  (style: Style) =>
  (text: string): string => {
    const [begin, end] = CODES[style]
    return level === 0 ? text : `${MARK}${begin};${text}${MARK}${end};`
  }

/** Styles text for the terminal that this process writes to. */
export const colour = {
  level,
  red: styled('red'),
  green: styled('green'),
  yellow: styled('yellow'),
  cyan: styled('cyan'),
  bold: styled('bold'),
  dim: styled('dim'),
}

export const paintWith: Paint = (style, text) => colour[style](text)

/**
 * A line as the terminal gets it: what is not printable is escaped, and the styles become escape
 * sequences. The last thing that happens to a line, exactly once.
 */
export const shown = (line: string): string =>
  line
    .split(MARKS)
    .map((part, index) => (index % 2 === 0 ? visible(part) : `\u001b[${part}m`))
    .join('')

/** Lines as the terminal gets them, with a newline after each. */
export const page = (lines: readonly string[]): string => lines.map((line) => `${shown(line)}\n`).join('')
