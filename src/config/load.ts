// SPDX-License-Identifier: MIT
import {type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument} from 'yaml'
import type * as z from 'zod'
import type {HostView} from '../host/host.ts'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {readRegular} from '../lib/files.ts'
import {didYouMean} from '../lib/nearest.ts'
import {CpuSet} from '../model/cpuset.ts'
import {type Config, ConfigSchema, type Where} from '../schema/config.ts'

export const DEFAULT_CONFIG = '/etc/isolctl/config.yaml'
/** Bytes: ten thousand host classes. It bounds the time that a hostile YAML can take. */
const CONFIG_LIMIT = 512 * 1024

/**
 * Read the config; it is empty when the default file does not exist. The default file is read from
 * `host`. A file given with --config is read from this machine and must exist. Throws UserError.
 */
export async function loadConfig(host: HostView, path: string): Promise<Config> {
  const text = path === DEFAULT_CONFIG ? await host.read(path) : await readNamed(path)
  if (text === undefined) return {}
  if (text.length > CONFIG_LIMIT) throw unreadable(path, 'EFBIG')
  return parseConfig(text, path)
}

async function readNamed(path: string): Promise<string> {
  try {
    return await readRegular(path, {limit: CONFIG_LIMIT})
  } catch (cause) {
    throw unreadable(path, errnoOf(cause) ?? 'EIO', cause)
  }
}

const unreadable = (path: string, code: string, cause?: unknown) =>
  new UserError(`cannot read the config ${path}: ${code}`, {
    help: 'check the path that --config or ISOLCTL_CONFIG gives',
    exit: Exit.usage,
    cause,
  })

/** What goes wrong when a text of YAML is turned into values: unknown aliases, too many, or too deep. */
function valuesOf<T>(path: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new UserError(
      `${path}: ${cause instanceof RangeError ? 'it is nested too deeply' : 'an alias is unknown, or used too often'}`,
      {help: 'the config is YAML', code: 'config', cause},
    )
  }
}

/** Parse and check the config. Throws UserError with the line and the key. Pure. */
export function parseConfig(text: string, path: string): Config {
  const lineCounter = new LineCounter()
  const document = valuesOf(path, () => parseDocument(text, {lineCounter}))
  const [syntax] = document.errors
  if (syntax)
    // The part after a colon quotes the file, which may be one that the caller cannot read.
    throw new UserError(`${path}:${syntax.linePos?.[0].line ?? 1}: ${syntax.message.split(/\n|: /)[0]}`, {
      help: 'the config is YAML',
    })
  const lineOf = (offset: number | undefined) => lineCounter.linePos(offset ?? 0).line || 1
  /** The line of a value, or of the object around it when the value has no node. */
  const where: Where = (keys) => {
    const node = keys.length === 0 ? document.contents : document.getIn(keys, true)
    return isNode(node) || keys.length === 0
      ? `${path}:${lineOf(isNode(node) ? node.range?.[0] : 0)}`
      : where(keys.slice(0, -1))
  }
  const keyLine = (keys: readonly PropertyKey[], name: string) => {
    const map = keys.length === 0 ? document.contents : document.getIn(keys, true)
    const pair = isMap(map) ? map.items.find(({key}) => isScalar(key) && key.value === name) : undefined
    return `${path}:${lineOf(isScalar(pair?.key) ? pair.key.range?.[0] : 0)}`
  }
  for (const key of cpuKeys(document)) {
    const node = document.getIn(key, true)
    if (isScalar(node) && typeof node.value === 'number')
      requireDecimal(node, `${where(key)}: ${key.join('.')}`)
  }
  const values: unknown = valuesOf(path, () => document.toJS({maxAliasCount: 100}))
  const result = ConfigSchema.safeParse(values ?? {})
  if (result.success) return {...result.data, where}
  const [issue] = result.error.issues
  if (issue === undefined) throw result.error
  throw complaint(issue, {where, keyLine})
}

/** Where sets of CPUs can stand. */
function cpuKeys(document: Document): readonly (readonly (string | number)[])[] {
  const classes = document.get('classes')
  const places = isSeq(classes) ? classes.items.map((_, index) => ['classes', index]) : []
  return [[], ...places].flatMap((place) => ['isolated', 'housekeeping'].map((key) => [...place, key]))
}

/**
 * YAML takes 0x0c, 1e1 and 010 for the numbers 12, 10 and 10. One who writes 0x0c may mean a
 * cpumask, so that no number is taken that is not written as a CPU is. Throws UserError.
 */
function requireDecimal(
  {source = '', value}: {source?: string | undefined; value: unknown},
  at: string,
): void {
  if (/^(0|[1-9]\d*)$/.test(source)) return
  const digits = /^0x([0-9a-f]+)$/i.exec(source)?.[1]
  const mask = digits === undefined ? undefined : CpuSet.fromMask(digits)
  throw new UserError(`${at}: "${source}" is not a list of CPUs`, {
    code: 'config',
    help:
      mask === undefined || mask.isEmpty
        ? `CPU numbers are decimal, without sign, point, exponent or leading zero${meantNumber(Number(value))}`
        : `for the CPUs of this mask write ${mask}; for a single CPU write ${value}`,
  })
}

const meantNumber = (value: number): string =>
  Number.isFinite(value) ? `: ${Math.abs(Math.trunc(value))}?` : ''

function complaint(
  issue: z.core.$ZodIssue,
  {where, keyLine}: {where: Where; keyLine(keys: readonly PropertyKey[], name: string): string},
): UserError {
  const known = Object.keys(ConfigSchema.shape)
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    const meant = issue.path.length === 0 ? didYouMean(key, known) : undefined
    // A line of another file, such as /etc/shadow, is not a key and is not printed.
    const shownKey = /^[A-Za-z][\w-]{0,31}$/.test(key)
      ? `key "${[...issue.path, key].join('.')}"`
      : 'such key'
    return new UserError(`${keyLine(issue.path, key)}: there is no ${shownKey}`, {
      code: 'config',
      help: [...(meant === undefined ? [] : [meant]), `known keys: ${known.join(', ')}`].join(' '),
    })
  }
  const key = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  return new UserError(`${where(issue.path)}: ${key}${issue.message}`, {
    code: 'config',
    help: 'isolctl init --dry-run shows a config for this machine; docs/config.md explains the keys',
  })
}
