// SPDX-License-Identifier: MIT
import {Exit} from './exit.ts'

export interface UserErrorOptions extends ErrorOptions {
  /** The next step, with a command where there is one. */
  readonly help?: string
  readonly exit?: number
  /** Stable name for machines, e.g. "no-housekeeping" or an errno. */
  readonly code?: string
}

/**
 * An error that the user can act on. The message is one line that says what is wrong, in lower
 * case, without a full stop.
 */
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

/** The user stopped the command with Ctrl-C or SIGTERM before it finished. */
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
