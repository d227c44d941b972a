// SPDX-License-Identifier: MIT
import {UserError} from '../lib/errors.ts'

/** Our own arguments, and the program's. */
export interface Cut {
  readonly own: readonly string[]
  readonly program: readonly string[]
}

/** Cut at the first "--", before any parser sees what belongs to the program (oclif would reorder it). Pure. */
export function cutArguments(argv: readonly string[]): Cut {
  const at = argv.indexOf('--')
  const program = at < 0 ? [] : argv.slice(at + 1)
  if (program.length === 0)
    throw new UserError('no program to launch', {
      help: 'put it after "--": isolctl launch --cpus 3 -- PROGRAM ARG...',
    })
  return {own: argv.slice(0, at), program}
}

/** The strings of /proc/PID/cmdline or /proc/PID/environ, each ended by NUL, as they really are. */
export function splitNul(bytes: Buffer): readonly Buffer[] {
  const parts: Buffer[] = []
  for (let from = 0, to = bytes.indexOf(0); to >= 0; from = to + 1, to = bytes.indexOf(0, from))
    parts.push(bytes.subarray(from, to))
  return parts
}

/** Whether the text that Node.js made of these bytes gives the same bytes back. */
export function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes)
}

/** One line that a POSIX shell reads back as the same arguments. */
export function shellLine(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ')
}
