// SPDX-License-Identifier: MIT

/** "1 change", "2 changes". */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`

/** Format rows as lines with aligned columns and no trailing blanks. */
export function table(rows: readonly (readonly string[])[], {gap = 2} = {}): readonly string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd((widths[column] ?? 0) + gap))
      .join('')
      .trimEnd(),
  )
}

/**
 * Break a text at its blanks, or words that must not be broken, into lines of at most `width`
 * columns, each after `indent` blanks. A longer word gets a line of its own. Pure.
 */
export function wrap(
  text: string | readonly string[],
  {width, indent = 0}: {width: number; indent?: number},
): readonly string[] {
  const lines: string[] = []
  let line = ''
  const words = typeof text === 'string' ? text.split(' ') : text
  for (const word of words.filter(Boolean)) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line)
      line = ''
    }
    line += line === '' ? word : ` ${word}`
  }
  if (line !== '') lines.push(line)
  return lines.map((each) => ' '.repeat(indent) + each)
}
