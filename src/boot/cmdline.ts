// SPDX-License-Identifier: MIT

/** One boot argument, as the kernel parses it. */
export interface BootArg {
  /** With each "-" replaced by "_", as the kernel compares names (kernel/params.c: parameq). */
  readonly name: string
  /** Undefined for a flag ("quiet"); empty for "name=". */
  readonly value?: string
  /** The word as written on the command line. */
  readonly text: string
}

export interface Cmdline {
  readonly text: string
  /**
   * The arguments that the kernel parses, in order, with repeats. Which of two repeated arguments
   * wins depends on the argument.
   */
  readonly args: readonly BootArg[]
  /** The words after "--", which the kernel passes to init without parsing them. */
  readonly init: readonly string[]
}

/** The values of one argument, in order; a flag without a value counts as "". Pure. */
export function valuesOf({args}: Cmdline, name: string): readonly string[] {
  const wanted = name.replaceAll('-', '_')
  return args.filter((arg) => arg.name === wanted).map((arg) => arg.value ?? '')
}

/**
 * Parse a command line by the kernel's rules (lib/cmdline.c: next_arg, kernel/params.c:
 * parse_args): blanks separate words, double quotes group and single quotes do not, one pair of
 * double quotes around a word or a value is dropped, and "--" ends the list. Pure.
 */
export function parseCmdline(text: string): Cmdline {
  const words = splitWords(text.trimEnd())
  const parsed = words.map(parseWord)
  const end = parsed.findIndex(({text, value}) => /^"?--"?$/.test(text) && value === undefined)
  return {
    text: text.trim(),
    args: end === -1 ? parsed : parsed.slice(0, end),
    init: end === -1 ? [] : words.slice(end + 1),
  }
}

/** The characters for which the kernel's isspace() is true (lib/ctype.c). */
const BLANK = /[ \t\n\v\f\r]/

/** The words of a command line, with their quotes. Pure. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = []
  let word = ''
  let quoted = false
  for (const char of text) {
    if (char === '"') quoted = !quoted
    if (BLANK.test(char) && !quoted) {
      if (word !== '') words.push(word)
      word = ''
    } else {
      word += char
    }
  }
  if (word !== '') words.push(word)
  return words
}

function parseWord(text: string): BootArg {
  const quoted = text.startsWith('"')
  let rest = quoted ? text.slice(1) : text
  // A "=" as the first character is part of the name: the kernel uses position 0 for "no =".
  const equals = rest.indexOf('=', 1)
  const valueQuoted = equals !== -1 && rest[equals + 1] === '"'
  if ((quoted || valueQuoted) && rest.endsWith('"')) rest = rest.slice(0, -1)
  if (equals === -1) return {name: underscored(rest), text}
  return {
    name: underscored(rest.slice(0, equals)),
    value: rest.slice(equals + (valueQuoted ? 2 : 1)),
    text,
  }
}

const underscored = (name: string) => name.replaceAll('-', '_')
