// SPDX-License-Identifier: MIT
import {existsSync} from 'node:fs'
import {access, constants} from 'node:fs/promises'
import {join} from 'node:path'
import {UserError} from './errors.ts'
import {Exit} from './exit.ts'

/** A program that isolctl starts, and the Debian package that contains it. */
export interface Program {
  readonly name: string
  readonly package: string
}

/** Absolute path of a program in PATH, or undefined. */
export async function findProgram(
  name: string,
  path = process.env['PATH'] ?? '',
): Promise<string | undefined> {
  for (const folder of path.split(':').filter((part) => part !== '')) {
    const file = join(folder, name)
    try {
      await access(file, constants.X_OK)
      return file
    } catch {
      // try the next directory
    }
  }
  return undefined
}

/** Throws one UserError that lists all missing programs, with the command that installs them. */
export async function requirePrograms(programs: readonly Program[], purpose: string): Promise<void> {
  const missing: Program[] = []
  for (const program of programs) if ((await findProgram(program.name)) === undefined) missing.push(program)
  if (missing.length > 0) throw missingSoftware(missing, purpose)
}

/** `apt`: this machine uses Debian's package names. */
export function missingSoftware(
  missing: readonly Program[],
  purpose: string,
  apt = existsSync('/usr/bin/apt-get'),
): UserError {
  const packages = [...new Set(missing.map((program) => program.package))].sort().join(' ')
  return new UserError(`${purpose} needs ${missing.map(({name}) => name).join(', ')}: not installed`, {
    exit: Exit.unsuitable,
    code: 'missing-software',
    help: apt
      ? `apt-get install ${packages}`
      : `install these Debian packages, which may have other names in your distribution: ${packages}`,
  })
}
