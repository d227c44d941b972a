// SPDX-License-Identifier: MIT
import {type HostView, tellsAbsence} from '../host/host.ts'

/** One thing we can learn about a machine. Gathered at most once per run, so every check judges the same snapshot. */
export interface Fact<T> {
  readonly id: string
  /** May throw: the checks that need it are then `unknown`, with the message as the reason. */
  gather(host: HostView, get: Get): Promise<T>
}

/** Gives the value of a fact; rejects when it cannot be known. */
export type Get = <T>(fact: Fact<T>) => Promise<T>

export function defineFact<T>(id: string, gather: Fact<T>['gather']): Fact<T> {
  return {id, gather}
}

/** The same, for checks that can judge without it: undefined where it cannot be known. */
export function optional<T>(fact: Fact<T>): Fact<T | undefined> {
  return defineFact(`${fact.id}?`, async (_host, get) => get(fact).catch(() => undefined))
}

/** A fact's value that is known beforehand, for `gatherer`. */
export type Given = readonly [Fact<unknown>, unknown]

export function given<T>(fact: Fact<T>, value: T): Given {
  return [fact, value]
}

/** A reader of facts with one memory: what two checks share is read once. */
export function gatherer(host: HostView, known: readonly Given[] = []): Get {
  const memo = new Map<Fact<unknown>, Promise<unknown>>(
    known.map(([fact, value]) => [fact, Promise.resolve(value)]),
  )
  const get = <T>(fact: Fact<T>): Promise<T> => {
    const value = (memo.get(fact) as Promise<T> | undefined) ?? fact.gather(host, get)
    memo.set(fact, value)
    return value
  }
  return get
}

/** The text of a file that must exist for the fact to be known. */
export async function mustRead(host: HostView, path: string): Promise<string> {
  const text = await host.read(path)
  if (text === undefined) throw new Error(`${path} does not exist`)
  return text
}

/**
 * The text of a file that not every machine has: undefined where it is absent. In a captured tree it may just not have
 * been taken along, so that is an error there.
 */
export async function mayRead(host: HostView, path: string): Promise<string | undefined> {
  const text = await host.read(path)
  if (text === undefined && !tellsAbsence(host)) throw new Error(`${path} was not captured`)
  return text
}

/** The same for the names in a directory: empty where there is none. */
export async function mayList(host: HostView, path: string): Promise<readonly string[]> {
  const names = await host.list(path)
  if (names.length === 0 && !tellsAbsence(host)) throw new Error(`${path} was not captured`)
  return names
}

/**
 * The same fact, where undefined, or nothing in a list, says that the machine has no such thing. Of a captured tree that
 * cannot be told, so it is an error there.
 */
export function told<T>(fact: Fact<T>): Fact<T> {
  return defineFact(`${fact.id}!`, async (host, get) => {
    const value = await get(fact)
    const nothing = value === undefined || (Array.isArray(value) && value.length === 0)
    if (nothing && !tellsAbsence(host)) throw new Error(`${fact.id}: not captured`)
    return value
  })
}

/** What a parser makes of a file's text; its complaint gets the path. */
export function parsed<T>(path: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text)
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, {cause})
  }
}

/** A whole number on a line. Throws on anything else. */
export function integer(text: string): number {
  const trimmed = text.trim()
  if (!/^-?\d{1,15}$/.test(trimmed)) throw new Error(`not a number: "${trimmed.slice(0, 40)}"`)
  return Number(trimmed)
}

/** Whether a directory holds anything. Of a captured tree that can only be told when it does. */
export const seen = (path: string): Fact<boolean> =>
  defineFact(`seen ${path}`, async (host) => (await mayList(host, path)).length > 0)
