// SPDX-License-Identifier: MIT
import {coreKinds} from '../facts/core-kinds.ts'
import type {Get} from '../facts/fact.ts'
import {topology} from '../facts/topology.ts'
import {UserError} from '../lib/errors.ts'
import type {CpuWords, CpuWorld} from '../model/cpu-words.ts'
import type {CpuSet} from '../model/cpuset.ts'
import type {Config} from '../schema/config.ts'

/** The CPU sets that the config has for this host. */
export interface ConfiguredSets {
  readonly isolated?: CpuSet | undefined
  readonly housekeeping?: CpuSet | undefined
  /** File and line of "isolated", for messages. */
  readonly at?: string
}

/**
 * The CPU sets of the config, resolved on this host: those of the first class that matches it, else
 * the general ones. Throws UserError with line and key when the machine does not have such CPUs.
 */
export async function setsFor(
  config: Config,
  {name, online, get}: {readonly name: string; readonly online: CpuSet; readonly get: Get},
): Promise<ConfiguredSets> {
  const index = (config.classes ?? []).findIndex(
    (each) =>
      (each.name === undefined || matches(each.name, name)) &&
      (each.cpus === undefined || each.cpus === online.size),
  )
  const [chosen, path] = index === -1 ? [config, []] : [config.classes?.[index] ?? {}, ['classes', index]]
  const place = (key: string) => config.where?.([...path, key]) ?? 'config'
  const workOut = async (key: 'isolated' | 'housekeeping') => {
    const words = chosen[key]
    if (words === undefined) return undefined
    const set = words.plain ?? (await onMachine(words, get, `${place(key)}: ${key}`))
    if (set.isEmpty)
      throw new UserError(`${place(key)}: ${key}: "${words.text}" selects no CPU of this machine`, {
        code: 'config',
        help: 'isolctl topology lists the CPUs of this machine',
      })
    return set
  }
  return {
    isolated: await workOut('isolated'),
    housekeeping: await workOut('housekeeping'),
    at: place('isolated'),
  }
}

async function onMachine(words: CpuWords, get: Get, place: string): Promise<CpuSet> {
  try {
    const world: CpuWorld = {cpus: await get(topology), kinds: await get(coreKinds)}
    return words.on(world)
  } catch (cause) {
    throw new UserError(`${place}: ${(cause as Error).message}`, {
      code: 'config',
      help: 'isolctl topology lists the CPUs of this machine; CPU numbers always work: "2-7"',
      cause,
    })
  }
}

/**
 * "*" matches any text, "?" one character. Not a regular expression, whose time doubles with each
 * "*": after a mismatch only the last "*" takes one character more. Pure.
 */
export function matches(pattern: string, name: string): boolean {
  let [at, from, star, taken] = [0, 0, -1, 0]
  while (from < name.length)
    if (pattern[at] === '*') {
      star = at++
      taken = from
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[from])) {
      at++
      from++
    } else if (star >= 0) {
      at = star + 1
      from = ++taken
    } else return false
  while (pattern[at] === '*') at++
  return at === pattern.length
}
