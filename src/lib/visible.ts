// SPDX-License-Identifier: MIT

/**
 * Characters that a terminal obeys or does not show: C0 and C1 controls and DEL; format characters,
 * such as those that turn the direction of the text (U+202E) or have no width; line and paragraph
 * separators; halves of surrogate pairs; what Unicode says to ignore, such as the fillers of Hangul.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu

/** "\u001b" for ESC: readable, and the same character in a string of JSON. Pure. */
const escaped = (text: string): string =>
  Array.from(
    {length: text.length},
    (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('')

/**
 * Foreign text, such as the name of a thread or of a file, as one line that shows what is in it.
 * Every character of INVISIBLE is escaped, also the newline. Pure.
 */
export const visible = (text: string): string => text.replace(INVISIBLE, escaped)

/** Whether a text has something to escape. Pure. */
export const isVisible = (text: string): boolean => visible(text) === text

/** The same, but newlines stay as they are: for a text that consists of lines. Pure. */
export const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n')

/** The JSON of a value, in which nothing is invisible. It is read back as the same value. Pure. */
export const jsonText = (value: unknown, indent?: number): string =>
  visibleLines(JSON.stringify(value, null, indent))
