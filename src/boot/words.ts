// SPDX-License-Identifier: MIT

import {UserError} from '../lib/errors.ts'
import {type BootArg, endsArguments, parseCmdline, splitPieces} from './cmdline.ts'

/**
 * The characters of a boot argument that isolctl writes. Every boot loader passes these unchanged;
 * a blank, a quote, "$" or ";" has a meaning for a shell, for GRUB's scripts or for the kernel.
 */
const PLAIN = /^[A-Za-z0-9_.,:=/+@%-]+$/

/** Throws UserError for a word that could change its meaning before it reaches the kernel. */
export function requirePlain(words: readonly string[]): void {
  const odd = words.find((word) => !PLAIN.test(word) || word === '--')
  if (odd !== undefined)
    throw new UserError(
      `not a boot argument that every boot loader passes unchanged: ${JSON.stringify(odd)}`,
      {
        help: 'a boot argument consists of letters, digits and _ . , : = / + @ % -',
      },
    )
}

/**
 * The name of an argument as the kernel compares it: the same for "nohz-full=2" and "nohz_full=3".
 * Pure.
 */
export const nameOf = (word: string): string => argOf(word)?.name ?? word

/** Whether two words mean the same to the kernel. Pure. */
export function sameWord(a: string, b: string): boolean {
  const [x, y] = [argOf(a), argOf(b)]
  return x?.name === y?.name && x?.value === y?.value
}

const argOf = (word: string): BootArg | undefined => parseCmdline(word).args[0]

/**
 * A line of arguments with each of `wanted` in it once. A wanted word that the line already has
 * keeps its place, other arguments of its name are removed, all others keep their place, order and
 * blanks, and new words are added at the end (before "--", because the words after it go to init).
 * `drop` lists words to remove first: those of isolctl that are no longer wanted. Throws UserError
 * for a line with an open quote, which would include the added words. Pure.
 */
export function mergeLine(line: string, wanted: readonly string[], drop: readonly string[] = []): string {
  if ((line.match(/"/g) ?? []).length % 2 === 1)
    throw new UserError(`the boot arguments have an open quote: ${line.trim()}`, {
      help: 'close the quote, then try again',
    })
  return fromBytes(mergeBytes(toBytes(line), wanted.map(toBytes), drop.map(toBytes)))
}

const toBytes = (text: string) => Buffer.from(text).toString('latin1')
const fromBytes = (bytes: string) => Buffer.from(bytes, 'latin1').toString()

function mergeBytes(line: string, wanted: readonly string[], drop: readonly string[]): string {
  const names = new Set(wanted.map(nameOf))
  const pieces = splitPieces(line)
  const end = pieces.findIndex(({word}) => endsArguments(word))
  const [head, tail] = end === -1 ? [pieces, []] : [pieces.slice(0, end), pieces.slice(end)]
  const kept: (typeof head)[number][] = []
  const missing = [...wanted]
  for (const piece of head) {
    const index = missing.findIndex((word) => sameWord(word, piece.word))
    if (index !== -1) missing.splice(index, 1)
    else if (names.has(nameOf(piece.word)) || drop.some((word) => sameWord(word, piece.word))) continue
    kept.push(piece)
  }
  const first = kept[0]
  const added = missing.map((word, index) => ({
    gap: index === 0 && first === undefined ? (head[0]?.gap ?? '') : ' ',
    word,
  }))
  if (first !== undefined && head[0] !== undefined) kept[0] = {...first, gap: head[0].gap}
  return `${[...kept, ...added, ...tail].map(({gap, word}) => gap + word).join('')}${trailing(line)}`
}

const trailing = (line: string) => /[ \t\n\v\f\r]*$/.exec(line)?.[0] ?? ''
