// SPDX-License-Identifier: MIT
import {stripVTControlCharacters} from 'node:util'
import {UserError} from '../lib/errors.ts'
import {didYouMean} from '../lib/nearest.ts'

/** What oclif's parser adds to its errors (@oclif/core, lib/parser/errors.js and parse.js). */
interface ParserError extends Error {
  readonly oclif?: {readonly exit?: number}
  /** For an unknown flag: the words as they were typed. */
  readonly flags?: readonly string[]
  readonly parse?: {readonly input?: {readonly flags?: Readonly<Record<string, unknown>>}}
}

/**
 * An error of oclif's parser as one line with a next step; undefined for any other error. `command`
 * is the name of the command, as it is typed. Pure.
 */
export function badUsage(error: unknown, command: string | undefined): UserError | undefined {
  if (!(error instanceof Error)) return undefined
  const {oclif, flags, parse, message} = error as ParserError
  if (oclif === undefined) return undefined
  const help = `see isolctl ${command ? `${command} ` : ''}--help`
  const [unknown] = flags ?? []
  if (unknown !== undefined) {
    const typed = unknown.replace(/=.*/s, '')
    if (typed === '--version')
      return new UserError(`${command || 'isolctl'} has no flag ${typed}`, {
        code: 'unknown-flag',
        help: 'isolctl --version prints the version',
      })
    const known = Object.keys(parse?.input?.flags ?? {}).map((name) => `--${name}`)
    return new UserError(`${command || 'isolctl'} has no flag ${typed}`, {
      code: 'unknown-flag',
      help: (typed.startsWith('--') ? didYouMean(typed, [...known, '--help']) : undefined) ?? help,
    })
  }
  const [, flag, value = '', choices = ''] = /^Expected (--\S+?)=(.*) to be one of: (.*)/s.exec(message) ?? []
  if (flag !== undefined) {
    const [choice = ''] = choices.split('\n')
    return new UserError(`${flag} does not take "${value}"`, {
      code: 'unknown-value',
      help: didYouMean(value, choice.split(', ')) ?? `${flag} takes one of: ${choice}`,
    })
  }
  if (error instanceof UserError)
    // Thrown by the parse function of a flag: oclif puts the name of the flag before it.
    return new UserError(oneLine(message), {
      help: error.help ?? help,
      ...(error.code === undefined ? {} : {code: error.code}),
    })
  return new UserError(oneLine(message), {help})
}

/**
 * oclif's message in one line, in lower case: "--window: not a time", "missing required flag
 * --cpus".
 */
function oneLine(message: string): string {
  const [head = '', ...details] = stripVTControlCharacters(message)
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .map((line) => line.replace('=true cannot ', ' cannot '))
    .filter((line) => line !== '' && line !== 'See more help with --help')
    .map((line) => line.replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase()))
  if (head.startsWith('parsing --')) return `${head.slice('parsing '.length)}: ${details.join('; ')}`
  if (/^the following errors? occurred:$/.test(head))
    return details.map((line) => line.replace('required flag ', 'required flag --')).join('; ')
  return head.endsWith(':') ? `${head} ${details.join('; ')}` : head
}
