// SPDX-License-Identifier: MIT
import {UserError} from '../lib/errors.ts'

/** The arguments of isolctl, and those of the program. */
export interface Cut {
  readonly own: readonly string[]
  readonly program: readonly string[]
}

/**
 * Split at the first "--", before a parser sees the program's arguments (oclif would reorder them).
 * Throws UserError. Pure.
 */
export function cutArguments(argv: readonly string[]): Cut {
  const at = argv.indexOf('--')
  const program = at < 0 ? [] : argv.slice(at + 1)
  if (program.length === 0)
    throw new UserError('no program to launch', {
      help: 'put it after "--": isolctl launch --cpus 3 -- PROGRAM ARG...',
    })
  return {own: argv.slice(0, at), program}
}

/** The strings of /proc/PID/cmdline or /proc/PID/environ, each ended by NUL, as bytes. Pure. */
export function splitNul(bytes: Buffer): readonly Buffer[] {
  const parts: Buffer[] = []
  for (let from = 0, to = bytes.indexOf(0); to >= 0; from = to + 1, to = bytes.indexOf(0, from))
    parts.push(bytes.subarray(from, to))
  return parts
}

/** Whether decoding these bytes as UTF-8, as Node.js does, loses nothing. Pure. */
export function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes)
}

/** A line that a POSIX shell parses as these arguments. Pure. */
export function shellLine(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ')
}
