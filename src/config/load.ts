// SPDX-License-Identifier: MIT
import {readFile} from 'node:fs/promises'
import {type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument} from 'yaml'
import type * as z from 'zod'
import type {HostView} from '../host/host.ts'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {didYouMean} from '../lib/nearest.ts'
import {CpuSet} from '../model/cpuset.ts'
import {type Config, ConfigSchema, type Where} from '../schema/config.ts'

export const DEFAULT_CONFIG = '/etc/isolctl/config.yaml'

/**
 * Read the config; it is empty when the default file does not exist. The default file is read from
 * `host`. A file given with --config is read from this machine and must exist. Throws UserError.
 */
export async function loadConfig(host: HostView, path: string): Promise<Config> {
  const text = path === DEFAULT_CONFIG ? await host.read(path) : await readNamed(path)
  return text === undefined ? {} : parseConfig(text, path)
}

async function readNamed(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new UserError(`cannot read the config ${path}: ${errnoOf(cause) ?? 'EIO'}`, {
      help: 'check the path that --config or ISOLCTL_CONFIG gives',
      exit: Exit.usage,
      cause,
    })
  }
}

/** Parse and check the config. Throws UserError with the line and the key. Pure. */
export function parseConfig(text: string, path: string): Config {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, {lineCounter})
  const [syntax] = document.errors
  if (syntax)
    throw new UserError(`${path}:${syntax.linePos?.[0].line ?? 1}: ${syntax.message.split('\n')[0]}`, {
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
  const result = ConfigSchema.safeParse(document.toJS() ?? {})
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
        ? `CPU numbers are decimal, without sign, point, exponent or leading zero: ${Math.trunc(Number(value))}?`
        : `for the CPUs of this mask write ${mask}; for a single CPU write ${value}`,
  })
}

function complaint(
  issue: z.core.$ZodIssue,
  {where, keyLine}: {where: Where; keyLine(keys: readonly PropertyKey[], name: string): string},
): UserError {
  const known = Object.keys(ConfigSchema.shape)
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    const meant = issue.path.length === 0 ? didYouMean(key, known) : undefined
    return new UserError(`${keyLine(issue.path, key)}: there is no key "${[...issue.path, key].join('.')}"`, {
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
