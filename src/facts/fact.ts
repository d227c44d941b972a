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

/**
 * The text of a file in which the kernel, or the program that writes it, always prints something: at
 * least a newline. Undefined when it is absent. Throws Error for a file without a byte, which was
 * not read completely. Files that may have no byte are read with host.read().
 */
export async function readText(host: HostView, path: string): Promise<string | undefined> {
  const text = await host.read(path)
  if (text === '') throw new Error(`${path} is empty`)
  return text
}

/** The text of a file. Throws Error when it does not exist, or as readText. */
export async function mustRead(host: HostView, path: string): Promise<string> {
  const text = await readText(host, path)
  if (text === undefined) throw new Error(`${path} does not exist`)
  return text
}

/**
 * The text of a file that not every machine has: undefined when it is absent. Throws Error when it
 * is absent in a captured tree, because the capture may lack the file, or as readText.
 */
export async function mayRead(host: HostView, path: string): Promise<string | undefined> {
  const text = await readText(host, path)
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
 * The same fact, for which undefined, false or an empty list means that the machine has no such
 * thing. In a captured tree that is not known: it throws Error there.
 */
export function told<T>(fact: Fact<T>): Fact<T> {
  return defineFact(`${fact.id}!`, async (host, get) => {
    const value = await get(fact)
    const nothing = value === undefined || value === false || (Array.isArray(value) && value.length === 0)
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

/** The values that a number may have, both ends included. */
export interface Range {
  readonly least?: number
  readonly most?: number
}

/**
 * A whole number on one line, by default not negative. It is the only parser of numbers that stand
 * alone in a file. Throws Error for anything else: "", "-1", "50000000 ns", "0x10".
 */
export function integer(text: string, {least = 0, most = Number.MAX_SAFE_INTEGER}: Range = {}): number {
  const trimmed = text.trim()
  if (!/^-?\d{1,20}$/.test(trimmed)) throw new Error(`not a number: "${trimmed.slice(0, 40)}"`)
  const value = Number(trimmed)
  if (value < least || value > most) throw new Error(`not a possible value: "${trimmed}"`)
  return value
}

/** The whole number in a file. Throws Error as mustRead and integer. */
export async function readInteger(host: HostView, path: string, range?: Range): Promise<number> {
  return parsed(path, await mustRead(host, path), (text) => integer(text, range))
}

/** One word on one line: a name, not a number. Throws Error. */
export function word(text: string): string {
  const trimmed = text.trim()
  if (!/^[a-z]\S*$/i.test(trimmed) || !/^[\x21-\x7e]+$/.test(trimmed))
    throw new Error(`not a name: "${trimmed.slice(0, 40)}"`)
  return trimmed
}

/** Whether a directory has entries. Throws Error for an empty or absent one in a captured tree. */
export const seen = (path: string): Fact<boolean> =>
  defineFact(`seen ${path}`, async (host) => (await mayList(host, path)).length > 0)
