// SPDX-License-Identifier: MIT
import {UserError} from '../lib/errors.ts'
import {didYouMean} from '../lib/nearest.ts'
import {COMMAND_IDS} from './index.ts'

/** What a command line asks for. */
export type Call =
  | {readonly kind: 'version'}
  /** Help on a command or a topic ("kernel"), or on isolctl itself without a subject. */
  | {readonly kind: 'help'; readonly subject?: string}
  | {readonly kind: 'run'; readonly id: string; readonly argv: readonly string[]}

/**
 * Commands that run inside the lab or from a systemd unit. Users do not type them, and no help
 * names them.
 */
const INTERNAL = ['lab:story', 'kernel:judge']

const TOPICS = [...new Set(COMMAND_IDS.flatMap((id) => (id.includes(':') ? [id.replace(/:.*/, '')] : [])))]

/** Throws UserError for a command that does not exist. Pure. */
export function readCall(args: readonly string[]): Call {
  if (args[0] === '--version') return {kind: 'version'}
  const end = args.indexOf('--')
  const own = end < 0 ? args : args.slice(0, end)
  const help = args[0] === 'help' || own.includes('--help')
  const words = own.slice(args[0] === 'help' ? 1 : 0).filter((word) => word !== '--help')
  const colon = words[0]?.includes(':') ?? false // oclif's own spelling: kernel:build
  const [first, second] = colon ? (words[0] ?? '').split(':') : words
  if (first === undefined) return {kind: 'help'}
  if (first.startsWith('-')) {
    if (help) return {kind: 'help'}
    throw new UserError(`the command comes first, not "${first}"`, {
      code: 'unknown-command',
      help: didYouMean(first, ['--help', '--version']) ?? 'isolctl --help lists the commands',
    })
  }
  if (COMMAND_IDS.includes(first) && !colon)
    return help ? {kind: 'help', subject: first} : {kind: 'run', id: first, argv: args.slice(1)}
  if (!TOPICS.includes(first)) throw unknown(first, second)
  if (second === undefined || second.startsWith('-')) return {kind: 'help', subject: first}
  if (second === 'help') return readCall(['help', first, ...words.slice(2)])
  const id = `${first}:${second}`
  if (!COMMAND_IDS.includes(id)) throw unknown(first, second)
  return help ? {kind: 'help', subject: id} : {kind: 'run', id, argv: args.slice(colon ? 1 : 2)}
}

/**
 * "kernel buld" is near "kernel build", "kernl build" too, and "preflght report.json" is near
 * "preflight".
 */
function unknown(first: string, second: string | undefined): UserError {
  const visible = COMMAND_IDS.filter((id) => !INTERNAL.includes(id)).map((id) => id.replace(':', ' '))
  if (TOPICS.includes(first) && second !== undefined) {
    const below = visible.flatMap((name) =>
      name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : [],
    )
    return new UserError(`there is no command "${first} ${second}"`, {
      code: 'unknown-command',
      help: didYouMean(second, below, `${first} `) ?? `isolctl ${first} lists the commands`,
    })
  }
  const both = second === undefined ? undefined : didYouMean(`${first} ${second}`, visible)
  return new UserError(`there is no command "${first}"`, {
    code: 'unknown-command',
    help:
      both ?? didYouMean(first, [...TOPICS, ...visible, '--version']) ?? 'isolctl --help lists the commands',
  })
}
