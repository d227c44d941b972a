// SPDX-License-Identifier: MIT

const range = (first: number, last: number) =>
  Array.from({length: last - first + 1}, (_, at) => String.fromCodePoint(first + at))

/** What no output may contain as it is: C0, DEL, C1, and what turns or hides text. */
export const FOREIGN: readonly string[] = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  '\u00ad',
  '\u061c',
  ...range(0x200b, 0x200f),
  ...range(0x2028, 0x202e),
  ...range(0x2060, 0x206f),
  '\u115f',
  '\u3164',
  '\ufeff',
  '\ufff9',
  '\u{e0001}',
  '\u{e0041}',
  '\ud800',
  '\udfff',
]

/** The characters of FOREIGN that a text contains, as "U+202E"; newlines are the end of lines. */
export function raw(text: string): readonly string[] {
  const there = new Set(Array.from(text).filter((char) => char !== '\n' && FOREIGN.includes(char)))
  return [...there].map((char) => `U+${char.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`)
}
