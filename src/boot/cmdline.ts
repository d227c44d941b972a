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
  // /proc/cmdline ends with a newline. Other blanks at the end may be inside a quote.
  const words = splitWords(text.replace(/\n$/, ''))
  const parsed = words.map(parseWord)
  const end = words.findIndex(endsArguments)
  return {
    text: trimBlanks(text),
    args: end === -1 ? parsed : parsed.slice(0, end),
    init: end === -1 ? [] : words.slice(end + 1),
  }
}

/**
 * The bytes for which the kernel's isspace() is true (lib/ctype.c). The last one is the no-break
 * space of Latin-1. In UTF-8 it is the second byte of a no-break space, of "à" and of others, and
 * ends a word there.
 */
const BLANK = new Set([...' \t\n\v\f\r\xa0'].map((char) => char.charCodeAt(0)))
const QUOTE = '"'.charCodeAt(0)

/** Without the blanks around it. Keeps the no-break space, of which the kernel sees two bytes. */
export const trimBlanks = (text: string): string => text.replaceAll(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '')

/** Whether a word is the "--" after which the words go to init. Pure. */
export const endsArguments = (word: string): boolean => unquoted(word) === '--'

/** The words of a command line, with their quotes. Pure. */
export function splitWords(text: string): readonly string[] {
  const bytes = Buffer.from(text)
  return wordSpans(bytes).map(({start, end}) => bytes.toString('utf8', start, end))
}

/**
 * The words of a command line, each with the blanks before it. The strings have one character for
 * each byte (Latin-1), because a blank of the kernel can be half a character of UTF-8. Pure.
 */
export function splitPieces(bytes: string): readonly {readonly gap: string; readonly word: string}[] {
  const spans = wordSpans(Buffer.from(bytes, 'latin1'))
  return spans.map(({start, end}, index) => ({
    gap: bytes.slice(spans[index - 1]?.end ?? 0, start),
    word: bytes.slice(start, end),
  }))
}

/** What is left of a command line after the blank that ends its word `index`. Pure. */
export function textAfterWord({text}: Cmdline, index: number): string {
  const bytes = Buffer.from(text)
  const end = wordSpans(bytes)[index]?.end ?? bytes.length
  return bytes.toString('utf8', end + 1)
}

function wordSpans(bytes: Uint8Array): readonly {readonly start: number; readonly end: number}[] {
  const spans: {start: number; end: number}[] = []
  let start = -1
  let quoted = false
  for (const [at, byte] of bytes.entries()) {
    if (byte === QUOTE) quoted = !quoted
    const blank = BLANK.has(byte) && !quoted
    if (!blank && start === -1) start = at
    if (!blank || start === -1) continue
    spans.push({start, end: at})
    start = -1
  }
  if (start !== -1) spans.push({start, end: bytes.length})
  return spans
}

function parseWord(text: string): BootArg {
  const rest = unquoted(text)
  // A "=" as the first character is part of the name: the kernel uses position 0 for "no =".
  const equals = rest.indexOf('=', 1)
  if (equals === -1) return {name: underscored(rest), text}
  const value = rest.slice(equals + 1)
  return {
    name: underscored(rest.slice(0, equals)),
    value: value.startsWith('"') ? value.slice(1) : value,
    text,
  }
}

/** The word without the quote before it, and without the one at its end if that has a partner. */
function unquoted(text: string): string {
  const rest = text.startsWith('"') ? text.slice(1) : text
  const opened = rest !== text || rest[rest.indexOf('=', 1) + 1] === '"'
  return opened && rest.endsWith('"') ? rest.slice(0, -1) : rest
}

const underscored = (name: string) => name.replaceAll('-', '_')
