// SPDX-License-Identifier: MIT
import {type HostView, tellsAbsence} from '../host/host.ts'

/**
 * One thing that is read from a machine, at most once per run, so that all checks judge the same
 * snapshot.
 */
export interface Fact<T> {
  readonly id: string
  /**
   * May throw: the checks that need the fact are then `unknown`, with the message as the reason.
   */
  gather(host: HostView, get: Get): Promise<T>
}

/** Returns the value of a fact; rejects when it cannot be known. */
export type Get = <T>(fact: Fact<T>) => Promise<T>

export function defineFact<T>(id: string, gather: Fact<T>['gather']): Fact<T> {
  return {id, gather}
}

/** The same fact, for checks that can judge without it: undefined when it cannot be known. */
export function optional<T>(fact: Fact<T>): Fact<T | undefined> {
  return defineFact(`${fact.id}?`, async (_host, get) => get(fact).catch(() => undefined))
}

/** A fact with a value that is known before the run, for `gatherer`. */
export type Given = readonly [Fact<unknown>, unknown]

export function given<T>(fact: Fact<T>, value: T): Given {
  return [fact, value]
}

/** Returns a reader of facts that gathers each fact once. */
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

/** The text of a file. Throws Error when it does not exist. */
export async function mustRead(host: HostView, path: string): Promise<string> {
  const text = await host.read(path)
  if (text === undefined) throw new Error(`${path} does not exist`)
  return text
}

/**
 * The text of a file that not every machine has: undefined when it is absent. Throws Error when it
 * is absent in a captured tree, because the capture may lack the file.
 */
export async function mayRead(host: HostView, path: string): Promise<string | undefined> {
  const text = await host.read(path)
  if (text === undefined && !tellsAbsence(host)) throw new Error(`${path} was not captured`)
  return text
}

/**
 * The names in a directory that not every machine has: empty when it is absent. Throws Error as
 * mayRead.
 */
export async function mayList(host: HostView, path: string): Promise<readonly string[]> {
  const names = await host.list(path)
  if (names.length === 0 && !tellsAbsence(host)) throw new Error(`${path} was not captured`)
  return names
}

/**
 * The same fact, for which undefined or an empty list means that the machine has no such thing. In
 * a captured tree that is not known: it throws Error there.
 */
export function told<T>(fact: Fact<T>): Fact<T> {
  return defineFact(`${fact.id}!`, async (host, get) => {
    const value = await get(fact)
    const nothing = value === undefined || (Array.isArray(value) && value.length === 0)
    if (nothing && !tellsAbsence(host)) throw new Error(`${fact.id}: not captured`)
    return value
  })
}

/** Parse the text of a file; an error of the parser gets the path. */
export function parsed<T>(path: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text)
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, {cause})
  }
}

/** A whole number on one line. Throws Error for anything else. */
export function integer(text: string): number {
  const trimmed = text.trim()
  if (!/^-?\d{1,15}$/.test(trimmed)) throw new Error(`not a number: "${trimmed.slice(0, 40)}"`)
  return Number(trimmed)
}

/** Whether a directory has entries. Throws Error for an empty or absent one in a captured tree. */
export const seen = (path: string): Fact<boolean> =>
  defineFact(`seen ${path}`, async (host) => (await mayList(host, path)).length > 0)
