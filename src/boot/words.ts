// SPDX-License-Identifier: MIT

import {UserError} from '../lib/errors.ts'
import {type BootArg, parseCmdline, splitWords} from './cmdline.ts'

/**
 * What a boot argument of ours may consist of. Every boot loader passes these unchanged; a blank, a quote, "$" or ";"
 * would mean something to a shell, to GRUB's scripts or to the kernel on the way.
 */
const PLAIN = /^[A-Za-z0-9_.,:=/+@%-]+$/

/** Throws UserError for a word that could mean something else on its way to the kernel. */
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

/** The name of an argument as the kernel compares it: "nohz-full=2" and "nohz_full=3" have the same. */
export const nameOf = (word: string): string => argOf(word)?.name ?? word

/** Whether two words mean the same to the kernel. */
export function sameWord(a: string, b: string): boolean {
  const [x, y] = [argOf(a), argOf(b)]
  return x?.name === y?.name && x?.value === y?.value
}

const argOf = (word: string): BootArg | undefined => parseCmdline(word).args[0]

/**
 * A line of arguments with `wanted` in it, each once: one that is there stays where it is, others of its name go, the
 * rest keeps its place, its order and its blanks, and what is new comes last (before "--", after which init reads).
 * `drop` names words to take out first: those of ours that are no longer wanted. Throws UserError for a line with an open
 * quote, which would swallow what is added. Pure.
 */
export function mergeLine(line: string, wanted: readonly string[], drop: readonly string[] = []): string {
  const names = new Set(wanted.map(nameOf))
  const pieces = piecesOf(line)
  const end = pieces.findIndex(({word}) => /^"?--"?$/.test(word))
  if ((line.match(/"/g) ?? []).length % 2 === 1)
    throw new UserError(`the boot arguments end inside a quote: ${line.trim()}`, {
      help: 'correct them first',
    })
  const [head, tail] = end === -1 ? [pieces, []] : [pieces.slice(0, end), pieces.slice(end)]
  const kept: Piece[] = []
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

interface Piece {
  readonly gap: string
  readonly word: string
}

/** The words of a line, as the kernel cuts them, with the blanks in front of each. */
function piecesOf(line: string): readonly Piece[] {
  let position = 0
  return splitWords(line).map((word) => {
    const at = line.indexOf(word, position)
    const gap = line.slice(position, at)
    position = at + word.length
    return {gap, word}
  })
}

const trailing = (line: string) => /\s*$/.exec(line)?.[0] ?? ''
