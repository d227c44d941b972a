// SPDX-License-Identifier: MIT
import {HostError} from '../host/host.ts'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {jsonText} from '../lib/visible.ts'
import {colour} from '../report/colour.ts'
import {badUsage} from './bad-usage.ts'
import {note} from './terminal.ts'

interface Failure {
  readonly message: string
  readonly exit: number
  readonly help?: string
  readonly code?: string
}

interface ReportOptions {
  readonly json: boolean
  /** Also print the stack. */
  readonly verbose: boolean
  /** The command that failed, as it is typed: "kernel build". */
  readonly command?: string
}

/**
 * Reports an error, in two lines on stderr or as `isolctl.error/1` on stdout, and sets the exit
 * code.
 */
export function reportFailure(error: unknown, {json, verbose, command}: ReportOptions): void {
  const failure = describe(error, command)
  process.exitCode = failure.exit
  if (json) {
    process.stdout.write(`${jsonText({schema: 'isolctl.error/1', error: failure}, 2)}\n`)
    return
  }
  note([
    `${colour.red('error')}: ${failure.message}`,
    ...(failure.help === undefined ? [] : [`${colour.cyan('help')}: ${failure.help}`]),
    ...(verbose && error instanceof Error ? (error.stack ?? '').split('\n') : []),
  ])
}

function describe(thrown: unknown, command: string | undefined): Failure {
  const error = badUsage(thrown, command) ?? thrown
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
  const message = error instanceof Error ? error.message : String(error)
  const [head = 'unknown error'] = message.split('\n')
  if ((error as Error | undefined)?.name === 'AbortError')
    return {message: 'interrupted', exit: Exit.interrupted}
  const code = errnoOf(error)
  if (code !== undefined) return {message: head, exit: Exit.unsuitable, code}
  return {message: head, exit: Exit.unsuitable, help: isOfTheMachine(error) ? DAMAGED : BUG}
}

const BUG = 'this is a bug in isolctl; --verbose shows where'
const DAMAGED = 'a file of the machine is missing, or is not what the kernel writes; --verbose shows where'

/**
 * Whether an error is about what was read. Facts throw Error, and CpuSet RangeError, for a text that
 * they do not understand; what JavaScript itself throws is a fault of the program.
 */
function isOfTheMachine(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof RangeError) return error.message.startsWith('not a cpu')
  return error.constructor === Error
}
