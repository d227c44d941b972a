// SPDX-License-Identifier: MIT
import {HostError} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {colour} from '../report/colour.ts'

interface Failure {
  readonly message: string
  readonly exit: number
  readonly help?: string
  readonly code?: string
}

/** Say what went wrong, in two lines or as `isolctl.error/1`, and set the exit code. */
export function reportFailure(error: unknown, {json, verbose}: {json: boolean; verbose: boolean}): void {
  const failure = describe(error)
  process.exitCode = failure.exit
  if (failure.exit === Exit.ok) return // --help and --version end this way
  if (json) {
    process.stdout.write(`${JSON.stringify({schema: 'isolctl.error/1', error: failure}, null, 2)}\n`)
    return
  }
  process.stderr.write(`${colour.red('error')}: ${failure.message}\n`)
  if (failure.help !== undefined) process.stderr.write(`${colour.cyan('help')}: ${failure.help}\n`)
  if (verbose && error instanceof Error) process.stderr.write(`${error.stack}\n`)
}

function describe(error: unknown): Failure {
  if (error instanceof UserError)
    return {
      message: error.message,
      exit: error.exit,
      ...(error.help === undefined ? {} : {help: error.help}),
      ...(error.code === undefined ? {} : {code: error.code}),
    }
  if (error instanceof HostError)
    return {
      message: error.message,
      exit: Exit.unsuitable,
      code: error.code,
      ...(error.code === 'EACCES' || error.code === 'EPERM' ? {help: 'run as root'} : {}),
    }
  const {message, oclif, suggestions} = error as Error & {oclif?: {exit?: number}; suggestions?: string[]}
  // oclif's parser puts "See more help with --help" and pages of context on further lines.
  const [head = 'unknown error', detail = ''] = String(message ?? error).split('\n')
  // "Parsing --cpus" alone does not say what is wrong with it.
  const first = head.startsWith('Parsing --') ? `${head.trim()}: ${detail.trim()}` : head
  const fromParser = oclif !== undefined
  return {
    message: first,
    exit: oclif?.exit ?? Exit.unsuitable,
    ...(suggestions?.length
      ? {help: suggestions.join('; ')}
      : {
          help: fromParser
            ? 'see isolctl --help, or --help on the command'
            : 'this is a bug in isolctl; --verbose shows where',
        }),
  }
}
