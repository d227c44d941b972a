// SPDX-License-Identifier: MIT

const HEADER = '# GRUB Environment Block\n'

/**
 * The variables of a GRUB environment block (grubenv, 1024 bytes): "name=value" lines, a backslash before a newline or
 * another backslash, "#" to the end. Undefined for anything else. It is only ever written by grub-editenv. Pure.
 */
export function parseGrubenv(text: string): ReadonlyMap<string, string> | undefined {
  if (!text.startsWith(HEADER)) return undefined
  const variables = new Map<string, string>()
  // A line goes on behind an escaped newline.
  for (const line of text.match(/(?:\\[\s\S]|[^\\\n])+/g) ?? []) {
    const equals = line.indexOf('=')
    if (line.startsWith('#') || equals === -1) continue
    variables.set(line.slice(0, equals), line.slice(equals + 1).replaceAll(/\\([\s\S])/g, '$1'))
  }
  return variables
}
