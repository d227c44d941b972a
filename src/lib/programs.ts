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

/** Where root's programs are. A directory below /usr/local or a home may belong to somebody else. */
const ROOT_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The whole environment of the programs that isolctl calls on a machine: nothing of the caller's can
 * tell them to load or run something else (LD_PRELOAD, NODE_OPTIONS, GRUB_CONFIG...). As root the
 * PATH is fixed. `translated`: in the language of the caller, otherwise LC_ALL=C.
 */
export function cleanEnvironment({translated = false} = {}, env = process.env): Record<string, string> {
  const root = process.geteuid?.() === 0
  const kept = Object.entries(env).filter(
    ([name, value]) =>
      value !== undefined &&
      (/^(TERM|TZ)$/.test(name) || (translated && /^(LANG|LANGUAGE|LC_[A-Z]+)$/.test(name))),
  )
  return {
    PATH: root ? ROOT_PATH : (env['PATH'] ?? ROOT_PATH),
    HOME: root ? '/root' : (env['HOME'] ?? '/'),
    ...(Object.fromEntries(kept) as Record<string, string>),
    ...(translated ? {} : {LC_ALL: 'C'}),
  }
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
