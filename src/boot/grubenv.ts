// SPDX-License-Identifier: MIT

const HEADER = '# GRUB Environment Block\n'

/**
 * The variables of a GRUB environment block (grubenv, 1024 bytes): "name=value" lines, a backslash
 * before a newline or another backslash, padded with "#". Undefined for any other text. Only
 * grub-editenv writes the file. Pure.
 */
export function parseGrubenv(text: string): ReadonlyMap<string, string> | undefined {
  if (!text.startsWith(HEADER)) return undefined
  const variables = new Map<string, string>()
  // A line continues after an escaped newline.
  for (const line of text.match(/(?:\\[\s\S]|[^\\\n])+/g) ?? []) {
    const equals = line.indexOf('=')
    if (line.startsWith('#') || equals === -1) continue
    variables.set(line.slice(0, equals), line.slice(equals + 1).replaceAll(/\\([\s\S])/g, '$1'))
  }
  return variables
}
