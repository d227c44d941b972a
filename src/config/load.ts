// SPDX-License-Identifier: MIT
import {readFile} from 'node:fs/promises'
import {parseDocument} from 'yaml'
import {z} from 'zod'
import type {HostView} from '../host/host.ts'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {type Config, ConfigSchema} from './schema.ts'

export const DEFAULT_CONFIG = '/etc/isolctl/config.yaml'

/**
 * The config, or an empty one when there is none at the default place. A file named with --config must exist, and is
 * read here; the default one belongs to the machine we look at.
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

/** Throws UserError naming the place in the file. Pure. */
export function parseConfig(text: string, path: string): Config {
  const document = parseDocument(text)
  const [syntax] = document.errors
  if (syntax) throw new UserError(`${path}: ${syntax.message.split('\n')[0]}`, {help: 'the config is YAML'})
  const parsed = ConfigSchema.safeParse(document.toJS() ?? {})
  if (parsed.success) return parsed.data
  throw new UserError(`${path}: ${z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' ')}`, {
    help: `known keys: ${Object.keys(ConfigSchema.shape).join(', ')}`,
  })
}
