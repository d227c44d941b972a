// SPDX-License-Identifier: MIT
import {Exit} from './exit.ts'

export interface UserErrorOptions extends ErrorOptions {
  /** What to do next, with a command where there is one. */
  readonly help?: string
  readonly exit?: number
  /** Stable name for machines, e.g. "no-housekeeping" or an errno. */
  readonly code?: string
}

/** Something the user can act on. The message is one line: what is wrong, lower case, no full stop. */
export class UserError extends Error {
  override readonly name = 'UserError'
  readonly help: string | undefined
  readonly exit: number
  readonly code: string | undefined

  constructor(message: string, {help, exit = Exit.usage, code, ...options}: UserErrorOptions = {}) {
    super(message, options)
    this.help = help
    this.exit = exit
    this.code = code
  }
}

/** Ctrl-C or SIGTERM: not a failure of ours, but the command did not finish. */
export class Interrupted extends UserError {
  constructor(message = 'interrupted', help?: string) {
    super(message, {exit: Exit.interrupted, code: 'interrupted', ...(help === undefined ? {} : {help})})
  }
}

/** The errno name of a Node system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined
}
